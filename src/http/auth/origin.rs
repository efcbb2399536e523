//! Checks of the headers by which a browser states where a request comes from.

use axum::http::{HeaderMap, header};

/// Whether a page of another site made this request, by the browser's headers. Other clients do not send them, and
/// have no session that could be abused.
#[must_use]
pub fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(origin) = text(header::ORIGIN.as_str()) {
        // Without the scheme: a proxy may have terminated TLS.
        let host = origin.split_once("://").map(|(_, host)| host);
        return host.is_none() || host != text(header::HOST.as_str());
    }
    !matches!(text("sec-fetch-site"), None | Some("same-origin" | "none"))
}

/// Whether the `Host` of a request is a loopback name or address. A foreign name that resolves to 127.0.0.1 (DNS
/// rebinding) is not.
#[must_use]
pub fn is_loopback_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    // An IPv6 address has brackets.
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let address: Option<std::net::IpAddr> = name.parse().ok();
    name.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        pairs.collect()
    }

    #[test]
    fn a_page_of_another_site_is_foreign() {
        for (given, foreign) in [
            (&[("host", "a.example:1")][..], false),
            (&[("host", "a.example:1"), ("origin", "https://a.example:1")], false),
            (&[("host", "a.example:1"), ("origin", "http://a.example:2")], true),
            (&[("host", "a.example"), ("origin", "null")], true),
            (&[("origin", "http://a.example")], true),
            (&[("host", "a.example"), ("sec-fetch-site", "cross-site")], true),
            (&[("host", "a.example"), ("sec-fetch-site", "same-site")], true),
            (&[("host", "a.example"), ("sec-fetch-site", "same-origin")], false),
        ] {
            assert_eq!(is_foreign(&headers(given)), foreign, "{given:?}");
        }
    }

    #[test]
    fn only_loopback_names_and_addresses_are_loopback() {
        for (host, ours) in [
            ("localhost:8081", true),
            ("127.0.0.1:8081", true),
            ("[::1]:8081", true),
            ("127.0.0.1.evil.example", false),
            ("evil.example", false),
            ("", false),
        ] {
            assert_eq!(is_loopback_host(&headers(&[("host", host)])), ours, "{host}");
        }
        assert!(!is_loopback_host(&HeaderMap::new()));
    }
}
