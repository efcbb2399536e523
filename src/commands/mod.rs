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
//! not known; `finisher` takes up what another process has left; `operator` and `terminal` have what people need
//! who act by hand. No transaction is open while Stripe is asked.

mod answer;
mod bulk_refunds;
mod decide;
mod error;
mod finisher;
mod metrics;
mod operator;
mod portal;
mod problem;
mod resolve;
mod rules;
mod service;
mod submit;
mod subscription;
mod terminal;
mod turn;
mod view;

pub use answer::CommandReply;
pub use bulk_refunds::{
    BulkError, CALLER as REFUNDS_CALLER, LONGEST_SPREAD, LineCheck, RefundPreview, begin_refunds,
    preview_refunds,
};
pub use decide::{Decided, abandon_dead, retry_dead};
pub use error::CommandError;
pub use finisher::finish;
pub use metrics::Metrics;
pub use operator::{ActError, CommandSummary, PaymentAct, PaymentOverview, Wanted, written};
pub use problem::Problem;
pub use service::{Caller, Commands, Person};
pub use terminal::{CommandPreview, PreviewOutcome};
pub use view::{
    CheckoutView, CommandView, CustomerView, PaymentView, PortalView, RefundView, SetupView,
    SubscriptionView,
};

// What the API and the operators' pages show of the tables and the rules, which they do not know.
pub use crate::domain::command::CommandState;
pub use crate::domain::command::params::{CancellationReason, RefundReason};
pub use crate::domain::status_word::Vocabulary;
pub use crate::store::StoreError as StoreFailure;
pub use crate::store::command::CommandFilter;
pub use crate::store::payment::{ChargeRow, PaymentRow, RefundRow};
pub use crate::store::subscription::{SubscriptionItemRow, SubscriptionRow};
