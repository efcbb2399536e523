//! The envelope of an event, read from its bytes without decoding its object.
//!
//! Readers of the same bytes. [`peek()`] borrows, allocates next to nothing and is what the
//! ingress can afford for each request; [`parse()`] makes the [`Event`](crate::domain::event::Event)
//! that a worker decides on, and [`parse_with_object()`] keeps its object beside it, undecoded. Neither demands more of the object than its name, so an event in an
//! API version that we have no types for is still an event. [`RawObject::decode`] makes a tree of
//! that object, where one is needed, and [`show()`] reads what a notification says of it.
//!
//! Both take snapshot events (`object: "event"`) and thin ones (`object: "v2.core.event"`,
//! docs.stripe.com, "Thin events").

mod created;
mod parse;
mod peek;
mod shown;
mod snapshot;
mod text;

pub use parse::{Undecodable, parse, parse_with_object};
pub use peek::{NotAnEvent, Peek, peek};
pub use shown::show;
pub use snapshot::{Carried, RawObject};
