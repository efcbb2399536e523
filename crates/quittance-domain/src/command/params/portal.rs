//! Parameters of a session of the customer portal: the page of Stripe's on which a customer manages subscriptions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::command::{RuleBreach, return_url};

/// Opens the customer portal.
///
/// A session changes nothing, so a second one does no harm. It takes no metadata and cannot be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPortalSession {
    /// `cus_...`
    pub customer: String,
    /// Where the customer comes back to; without it, what the portal's settings at Stripe say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
}

impl NewPortalSession {
    /// Checks all that needs no more than the request itself. `return_urls`: the origins that customers may be sent
    /// back to.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, return_urls: &[String]) -> Result<(), RuleBreach> {
        if self.customer.is_empty() {
            return Err(RuleBreach::conflict("customer", "is empty: send cus_..."));
        }
        match &self.return_url {
            Some(url) => return_url::check("return_url", url, return_urls),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_on_the_list() {
        let urls = ["https://shop.example".to_owned()];
        let code = |customer: &str, url: Option<&str>| {
            let session = NewPortalSession {
                customer: customer.to_owned(),
                return_url: url.map(str::to_owned),
            };
            session.check(&urls).err().map(|breach| breach.code.as_str())
        };
        assert_eq!(code("cus_1", None), None);
        assert_eq!(code("cus_1", Some("https://shop.example/account")), None);
        assert_eq!(code("cus_1", Some("https://evil.example")), Some("return_url_not_allowed"));
        assert_eq!(code("cus_1", Some("http://shop.example")), Some("return_url_not_https"));
        assert_eq!(code("", None), Some("parameters_conflict"));
    }
}
