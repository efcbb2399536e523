//! Subscriptions, invoices and the catalogue down the whole road: the simulator's events in, the
//! simulator's objects fetched, rows and notifications out.

mod convergence;
mod facts;
mod reconciler;
