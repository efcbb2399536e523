//! The OpenAPI document, made of the functions that read and of the table of verbs.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, ObjectBuilder, Ref, RefOr, ResponseBuilder, Type};
use utoipa::{Modify, OpenApi as _};

use super::{reads, verbs};
use crate::commands::Problem;
use crate::domain::command::idempotency_key::MAX_KEY;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Quittance: payments",
        description = "Acts on Stripe, each command once. Names, shapes and units are Stripe's; `reference` is ours.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact(),
    ),
    security(("token" = [])),
    modifiers(&Bearer, &Verbs, &Refusals, &Keys),
    components(schemas(Problem)),
    paths(
        reads::find_payment,
        reads::show_payment,
        reads::find_subscription,
        reads::show_subscription,
        reads::list_commands,
        reads::show_command,
    ),
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token made by `quittance api token`."))
            .build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The verbs that create and change.
struct Verbs;

impl Modify for Verbs {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        verbs::describe(document);
    }
}

/// Every call can be refused, in one shape.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let calls = document.paths.paths.values_mut().flat_map(|item| {
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch]
        });
        for call in calls.flatten() {
            let problem = Content::new(Some(Ref::from_schema_name("Problem")));
            let response = ResponseBuilder::new()
                .description("It was refused: `code`, `detail` and `field` say why.")
                .content("application/problem+json", problem)
                .build();
            call.responses.responses.insert("default".to_owned(), response.into());
        }
    }
}

/// What an `Idempotency-Key` may be, which each call that takes one checks before anything else.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let calls = document.paths.paths.values_mut().filter_map(|item| item.post.as_mut());
        for parameter in calls.flat_map(|call| call.parameters.iter_mut().flatten()) {
            let RefOr::T(parameter) = parameter else { continue };
            if parameter.name != "Idempotency-Key" {
                continue;
            }
            let key = ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(MAX_KEY))
                .pattern(Some("^[ -~]+$"));
            parameter.schema = Some(key.build().into());
        }
    }
}

/// The OpenAPI document of the API.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
