//! Products and prices.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::world::Tx;

impl Tx<'_> {
    pub(crate) fn create_product(
        &mut self,
        id: Option<&str>,
        name: &str,
    ) -> Result<Value, ApiError> {
        let product = json!({
            "id": id.map_or_else(|| self.ids.mint("prod"), str::to_owned),
            "object": "product",
            "active": true,
            "created": self.now,
            "default_price": null,
            "description": format!("{name}, made for you"),
            "images": [],
            "livemode": self.scope.livemode,
            "marketing_features": [],
            "metadata": { "sku": name },
            "name": name,
            "package_dimensions": null,
            "shippable": null,
            "statement_descriptor": null,
            "tax_code": null,
            "type": "service",
            "unit_label": "seat",
            "updated": self.now,
            "url": null,
        });
        self.save_document(&product, &["product.created"]);
        Ok(product)
    }

    pub(crate) fn update_product(
        &mut self,
        id: &str,
        name: &str,
        active: bool,
    ) -> Result<Value, ApiError> {
        let mut product = self.document("product", id)?;
        product["name"] = json!(name);
        product["active"] = json!(active);
        product["updated"] = json!(self.now);
        self.save_document(&product, &["product.updated"]);
        Ok(product)
    }

    pub(crate) fn delete_product(&mut self, id: &str) -> Result<Value, ApiError> {
        self.delete_document("product", id, "product.deleted")
    }

    pub(crate) fn create_price(
        &mut self,
        product: &str,
        amount: i64,
        currency: &str,
    ) -> Result<Value, ApiError> {
        self.document("product", product)?;
        let price = json!({
            "id": self.ids.mint("price"),
            "object": "price",
            "active": true,
            "billing_scheme": "per_unit",
            "created": self.now,
            "currency": currency,
            "custom_unit_amount": null,
            "livemode": self.scope.livemode,
            "lookup_key": null,
            "metadata": {},
            "nickname": "monthly",
            "product": product,
            "recurring": {
                "interval": "month",
                "interval_count": 1,
                "meter": null,
                "trial_period_days": null,
                "usage_type": "licensed",
            },
            "tax_behavior": "unspecified",
            "tiers_mode": null,
            "transform_quantity": null,
            "type": "recurring",
            "unit_amount": amount,
            "unit_amount_decimal": amount.to_string(),
        });
        self.save_document(&price, &["price.created"]);
        Ok(price)
    }

    pub(crate) fn update_price(
        &mut self,
        id: &str,
        nickname: &str,
        active: bool,
    ) -> Result<Value, ApiError> {
        let mut price = self.document("price", id)?;
        price["nickname"] = json!(nickname);
        price["active"] = json!(active);
        self.save_document(&price, &["price.updated"]);
        Ok(price)
    }

    pub(crate) fn delete_price(&mut self, id: &str) -> Result<Value, ApiError> {
        self.delete_document("price", id, "price.deleted")
    }
}
