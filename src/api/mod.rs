//! The API through which a product team acts on Stripe: HTTP over [`crate::commands`].
//!
//! A refusal is a problem document ([`Problem`](crate::commands::Problem)). Every path here is in the OpenAPI
//! document, which is made of the same table of verbs and of the functions that read; a test holds the committed copy, `docs/openapi-api.json`.

mod access;
mod body;
mod document;
mod extract;
mod reads;
mod reply;
mod server;
mod verbs;

pub use body::read_params;
pub use document::document;
pub use server::{Api, router};
