//! The operators' pages, and the shop of `quittance dev`, in a real browser. Skipped where Chromium or
//! chromedriver is missing, unless QUITTANCE_REQUIRE_BROWSER is set: `scripts/setup.sh --browser` installs both.

mod accessible;
mod driver;
mod shop;
mod shop_account;
mod shop_pages;
mod story;
mod visit;
