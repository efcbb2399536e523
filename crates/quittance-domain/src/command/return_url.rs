//! Where a customer may be sent back to.

use crate::command::{RuleBreach, RuleCode};

/// The scheme and the authority of a URL, in lower case.
fn origin(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    // A browser reads a backslash as a slash, and what stands before an @ as a user: neither is an address of
    // a shop.
    let clean = !url.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\');
    if authority.is_empty() || !authority.chars().all(plain) || !clean {
        return None;
    }
    Some((scheme.to_ascii_lowercase(), authority.to_ascii_lowercase()))
}

fn is_this_machine(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    matches!(host, Some("localhost" | "127.0.0.1" | "::1"))
}

/// Checks an address that a customer is sent back to. `allowed` are origins: `https://shop.example`; also
/// `http://localhost:3000`, for this machine alone.
///
/// # Errors
/// [`RuleCode::ReturnUrlNotHttps`], [`RuleCode::ReturnUrlNotAllowed`].
pub fn check(field: &str, url: &str, allowed: &[String]) -> Result<(), RuleBreach> {
    let breach = |code, detail: &str| Err(RuleBreach::new(code, field, detail));
    let Some((scheme, authority)) = origin(url) else {
        return breach(RuleCode::ReturnUrlNotHttps, "is not a URL: https://shop.example/thanks");
    };
    let local = scheme == "http" && is_this_machine(&authority);
    if scheme != "https" && !local {
        return breach(RuleCode::ReturnUrlNotHttps, "must begin with https://");
    }
    let is_it = |one: &String| {
        let known = origin(one).is_some_and(|known| known == (scheme.clone(), authority.clone()));
        // A setting that is more than an origin would look narrower than it is.
        known && one.trim_end_matches('/').matches('/').count() == 2
    };
    if allowed.iter().any(is_it) {
        return Ok(());
    }
    let detail = "leads to an address that is not in api.return_urls: add its origin there \
                  (\"https://shop.example\"), or send the customer to one that is.";
    breach(RuleCode::ReturnUrlNotAllowed, detail)
}

/// Whether a confirmation needs an address to come back to: with automatic payment methods Stripe may choose
/// one that redirects, unless it is told not to (docs.stripe.com, "Dynamic payment methods").
///
/// # Errors
/// [`RuleCode::ReturnUrlRequired`].
pub fn check_confirmation(
    confirm: bool,
    automatic: bool,
    allow_redirects: Option<&str>,
    return_url: Option<&str>,
) -> Result<(), RuleBreach> {
    if confirm && automatic && allow_redirects != Some("never") && return_url.is_none() {
        let detail = "is missing: a confirmation with automatic payment methods may redirect the customer. \
                      Send return_url, or automatic_payment_methods: {enabled: true, allow_redirects: \"never\"}.";
        return Err(RuleBreach::new(RuleCode::ReturnUrlRequired, "return_url", detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(url: &str) -> Option<RuleCode> {
        let allowed =
            ["https://shop.example", "https://pay.example:8443/", "http://localhost:3000"];
        let allowed = allowed.map(str::to_owned);
        check("return_url", url, &allowed).err().map(|breach| breach.code)
    }

    #[test]
    fn a_customer_comes_back_to_an_address_that_is_allowed_and_to_no_other() {
        for good in [
            "https://shop.example/thanks?order=42#top",
            "https://SHOP.example",
            "https://pay.example:8443/x",
            "http://localhost:3000/thanks",
        ] {
            assert_eq!(code(good), None, "{good}");
        }
        for other in [
            "https://shop.example.evil.example/",
            "https://evil.example/https://shop.example",
            "https://shop.example:444/",
            "https://pay.example/",
            "https://localhost:3000/",
        ] {
            assert_eq!(code(other), Some(RuleCode::ReturnUrlNotAllowed), "{other}");
        }
        for bad in [
            "http://shop.example/",
            "javascript:alert(1)",
            "//shop.example/",
            "https://user@shop.example/",
            "https://shop.example@evil.example/",
            "https://shop.example\\@evil.example/",
            "https:// shop.example/",
            "https://",
            "ftp://localhost:3000/",
            "",
        ] {
            assert_eq!(code(bad), Some(RuleCode::ReturnUrlNotHttps), "{bad}");
        }
    }

    #[test]
    fn an_allowed_path_allows_nothing() {
        let allowed = ["https://shop.example/thanks".to_owned()];
        assert!(check("return_url", "https://shop.example/thanks", &allowed).is_err());
    }

    #[test]
    fn an_automatic_confirmation_needs_a_way_back_or_no_redirects() {
        let code = |confirm, automatic, redirects, url| {
            check_confirmation(confirm, automatic, redirects, url).err().map(|breach| breach.code)
        };
        let missing = Some(RuleCode::ReturnUrlRequired);
        assert_eq!(code(true, true, None, None), missing);
        assert_eq!(code(true, true, Some("always"), None), missing);
        assert_eq!(code(true, true, Some("never"), None), None);
        assert_eq!(code(true, true, None, Some("https://shop.example")), None);
        assert_eq!(code(true, false, None, None), None);
        assert_eq!(code(false, true, None, None), None);
    }
}
