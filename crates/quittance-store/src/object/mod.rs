//! Objects for operators: search, and reads of an object with its row in `app`.

mod find;
mod read;

pub use find::{Found, ObjectFilter};
pub use read::{ObjectKey, ObjectRow, Origin, TypedRow};
