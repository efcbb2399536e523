//! What the ingress promises, over real HTTP and a real Redis.

mod accept;
mod app;
mod client;
mod limits;
mod outage;
mod redis;
mod refuse;
mod shutdown;

use app::App;
use client::Webhook;
