//! Decoding of Stripe's JSON of this kind.

use serde_json::json;

use super::*;

#[test]
fn a_product_is_read_with_its_default_price() {
    let it = json!({
        "id": "gold-plan.v2", "object": "product", "active": false, "created": 1,
        "default_price": "price_1", "description": "Shiny", "images": [], "livemode": false,
        "marketing_features": [], "metadata": {"sku": "7"}, "name": "Gold", "type": "service",
        "unit_label": "seat", "updated": 2,
    });
    let it: ProductObserved = serde_json::from_value(it).unwrap();
    assert_eq!(it.status, CatalogueStatus::Inactive);
    assert_eq!((it.name.as_deref(), it.description.as_deref()), (Some("Gold"), Some("Shiny")));
    assert_eq!(it.default_price.unwrap().as_str(), "price_1");
    assert_eq!(it.unit_label.as_deref(), Some("seat"));
    assert_eq!(it.metadata, [("sku".to_owned(), "7".to_owned())]);
}
