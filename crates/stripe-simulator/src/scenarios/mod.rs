//! Scenarios: sequences of steps that real payments, customers and subscriptions go through, to make
//! traffic of.

mod billing;
mod customer;
mod payment;

pub use billing::{BillingScenario, run_billing, run_billing_scenario};
pub use customer::{CustomerScenario, run_customer, run_customer_scenario};
pub use payment::{Finished, PaymentScenario, run_payment, run_payment_scenario};
