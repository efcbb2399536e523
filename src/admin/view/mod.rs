//! Formatting of values on pages.

mod bars;
mod html;
mod time;

pub(crate) use bars::Bars;
pub(crate) use html::{
    account, count, event, event_type, mode, number, object, object_path, object_verb, part, plain,
    pretty, short, tag, words,
};
pub(crate) use time::{ago, exact, length};
