//! Objects as people look at them: found by what is known of them, and shown with their row in `app`.

mod find;
mod read;

pub use find::{Found, ObjectFilter};
pub use read::{ObjectKey, ObjectRow, Origin, TypedRow};
