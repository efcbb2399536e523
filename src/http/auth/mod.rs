//! Who asks, and whether they may: tokens, the sessions that begin with one, and what keeps other
//! sites from speaking in a session's name.
//!
//! No session is kept on the server: it is a signed cookie, so that several replicas serve one
//! person. What is kept, in Postgres, is which of them a sign-out has ended before their time. What signs it is not in what the settings hold of a token, so that who reads the settings
//! alone gets in no more than who reads a file of password hashes.

mod guard;
mod keyring;
mod origin;
mod session;

pub use guard::{Guard, Held};
pub use keyring::{Identity, Keyring, hash_of, new_token};
pub use origin::{is_foreign, is_loopback_host};
pub use session::{COOKIE, Session, cookie};
