//! The style sheet, the script and the icon, embedded in the binary. Their paths change with what is in them, so
//! a browser may keep them for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

struct Asset {
    path: String,
    kind: &'static str,
    bytes: &'static [u8],
}

static CSS: LazyLock<Asset> =
    LazyLock::new(|| asset("admin", "css", "text/css", include_bytes!("../../assets/admin.css")));
static JS: LazyLock<Asset> = LazyLock::new(|| {
    asset("admin", "js", "text/javascript", include_bytes!("../../assets/admin.js"))
});
static ICON: LazyLock<Asset> = LazyLock::new(|| {
    asset("icon", "svg", "image/svg+xml", include_bytes!("../../assets/icon.svg"))
});

fn asset(name: &str, end: &str, kind: &'static str, bytes: &'static [u8]) -> Asset {
    let hash = hex::encode(&Sha256::digest(bytes)[..6]);
    Asset { path: format!("/assets/{name}-{hash}.{end}"), kind, bytes }
}

/// The style sheet's path.
pub(super) fn css() -> &'static str {
    &CSS.path
}

/// The script's path.
pub(super) fn js() -> &'static str {
    &JS.path
}

/// The icon's path.
pub(super) fn icon() -> &'static str {
    &ICON.path
}

/// `GET /assets/{name}`
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let all = [&*CSS, &*JS, &*ICON];
    let found = all.into_iter().find(|asset| asset.path.rsplit('/').next() == Some(name.as_str()));
    match found {
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, asset.kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, asset.bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
