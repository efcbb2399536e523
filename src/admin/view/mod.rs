//! How values look on a page.

mod bars;
mod time;

pub(super) use bars::Bars;
pub(super) use time::{ago, exact};
