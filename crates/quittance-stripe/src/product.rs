//! Product → [`product::Observed`](crate::domain::product::Observed).

use stripe_shared::Product;

use super::field::{self, Unfit, id_text};
use crate::domain::product::{Observed, Status};

pub(crate) fn observe(it: Product) -> Result<Observed, Unfit> {
    Ok(Observed {
        status: Status::from_active(it.active),
        name: it.name,
        description: it.description,
        default_price: field::object_id(
            "product.default_price",
            id_text(it.default_price.as_ref()),
        )?,
        unit_label: it.unit_label,
        metadata: field::metadata(it.metadata),
        created: it.created,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stripe_api::decode;

    #[test]
    fn a_product_is_read_with_its_default_price() {
        let it = json!({
            "id": "gold-plan.v2", "object": "product", "active": false, "created": 1,
            "default_price": "price_1", "description": "Shiny", "images": [], "livemode": false,
            "marketing_features": [], "metadata": {"sku": "7"}, "name": "Gold", "type": "service",
            "unit_label": "seat", "updated": 2,
        });
        let it = observe(decode::typed(&it, None).unwrap()).unwrap();
        assert_eq!(it.status, Status::Inactive);
        assert_eq!((it.name.as_str(), it.description.as_deref()), ("Gold", Some("Shiny")));
        assert_eq!(it.default_price.unwrap().as_str(), "price_1");
        assert_eq!(it.unit_label.as_deref(), Some("seat"));
        assert_eq!(it.metadata, [("sku".to_owned(), "7".to_owned())]);
    }
}
