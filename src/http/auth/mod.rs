//! Authentication and authorization: tokens, the sessions that start with one, and protection against requests
//! of other sites in a session.
//!
//! A session is a signed cookie, and not stored on the server, so that several replicas can serve it. Postgres
//! stores only which sessions a sign-out has ended before their time. The signing key cannot be derived from the
//! tokens' hashes in the settings, so a reader of the settings alone cannot sign in.

mod guard;
mod keyring;
mod origin;
mod session;

pub use guard::{Guard, TooManyFailures};
pub use keyring::{Identity, Keyring, hash_of, new_token};
pub use origin::{is_foreign, is_loopback_host};
pub use session::{COOKIE, Session, cookie};
