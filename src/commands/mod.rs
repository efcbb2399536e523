//! Commands: what a product team asks of Stripe through Quittance, each at most once.
//!
//! ```text
//! accepted ──▶ sent ──▶ done | refused            in the request of the client
//!    ▲          │  ▲
//!    └──────────┘  └── unknown ──▶ ...            by the finisher, in any process
//! ```
//!
//! `submit` checks the rules and writes the command, with the first turn at it in the same transaction (state
//! `sent`), unless too many commands are running; `turn` sends it and records the answer as an observation,
//! in the transaction that closes the command; `resolve` finds out what became of a command whose outcome is
//! not known; `finisher` takes up what another process has left. No transaction is open while Stripe is asked.

mod answer;
mod decide;
mod error;
mod finisher;
mod resolve;
mod rules;
mod service;
mod submit;
mod turn;

pub use answer::{CommandReply, CommandView, CustomerView, PaymentView, Problem, RefundView};
pub use decide::{Decided, abandon_dead, retry_dead};
pub use error::CommandError;
pub use finisher::finish;
pub use service::{Caller, Commands};

// What the API shows of the tables, which it does not know.
pub use crate::store::StoreError as StoreFailure;
pub use crate::store::payment::{ChargeRow, PaymentRow, RefundRow};
