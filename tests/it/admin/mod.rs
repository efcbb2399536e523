//! The operators' pages and API, asked as a browser or a program would.

mod access;
mod acting;
mod api;
mod card_data;
mod pages;
pub(crate) mod site;
