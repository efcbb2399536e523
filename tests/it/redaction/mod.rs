//! `[redaction]`: what the settings take never stops the product, and what they name is kept nowhere.

mod markers;
mod paths;
mod permitted;
