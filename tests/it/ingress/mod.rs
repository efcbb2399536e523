//! Promises of the ingress, over real HTTP and a real Redis.

mod accept;
mod app;
mod flood;
mod limits;
mod listener;
mod outage;
mod refuse;
mod shutdown;

use crate::harness::webhook::Webhook;
use app::App;
