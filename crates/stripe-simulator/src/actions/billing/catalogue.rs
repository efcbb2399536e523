//! Products and prices.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::objects::{Metadata, text};
use crate::store::Tx;

/// `POST /v1/prices`
#[derive(Debug, Clone, Default)]
pub(crate) struct NewPrice {
    pub(crate) product: Option<String>,
    /// The name of a product that is made with it.
    pub(crate) product_name: Option<String>,
    pub(crate) unit_amount: i64,
    pub(crate) currency: String,
    /// `day`, `week`, `month`, `year`; none: paid once.
    pub(crate) interval: Option<String>,
    pub(crate) nickname: Option<String>,
    pub(crate) metadata: Metadata,
    /// Whether it is for one use alone: it is not active then.
    pub(crate) inline: bool,
}

/// Parameters of a new price.
#[derive(Debug, Clone)]
pub(crate) enum PriceOf {
    /// A price that is there.
    Id(String),
    /// `price_data`
    Inline(NewPrice),
}

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

    /// A monthly one.
    pub(crate) fn create_price(
        &mut self,
        product: &str,
        amount: i64,
        currency: &str,
    ) -> Result<Value, ApiError> {
        self.add_price(NewPrice {
            product: Some(product.to_owned()),
            unit_amount: amount,
            currency: currency.to_owned(),
            interval: Some("month".to_owned()),
            nickname: Some("monthly".to_owned()),
            ..NewPrice::default()
        })
    }

    /// The id of a price that is there, or of one that is made for this use alone.
    pub(crate) fn price_of(&mut self, price: PriceOf) -> Result<String, ApiError> {
        match price {
            PriceOf::Id(id) => {
                let found = self.document("price", &id);
                found
                    .map(|_| id.clone())
                    .map_err(|_| ApiError::no_such_param("price", &id, "price"))
            }
            PriceOf::Inline(new) => {
                let price = self.add_price(NewPrice { inline: true, ..new })?;
                let id = text(&price, "id").to_owned();
                self.objects.inline_prices.insert(id.clone());
                Ok(id)
            }
        }
    }

    pub(crate) fn add_price(&mut self, new: NewPrice) -> Result<Value, ApiError> {
        let product = match (&new.product, &new.product_name) {
            (Some(product), _) => {
                let found = self.document("product", product);
                found.map_err(|_| ApiError::no_such_param("product", product, "product"))?
            }
            (None, Some(name)) => self.create_product(None, name)?,
            (None, None) => return Err(ApiError::missing_param("product")),
        };
        let (product, amount, currency) = (&product["id"], new.unit_amount, &new.currency);
        let price = json!({
            "id": self.ids.mint("price"),
            "object": "price",
            "active": !new.inline,
            "billing_scheme": "per_unit",
            "created": self.now,
            "currency": currency,
            "custom_unit_amount": null,
            "livemode": self.scope.livemode,
            "lookup_key": null,
            "metadata": new.metadata,
            "nickname": new.nickname,
            "product": product,
            "recurring": new.interval.as_ref().map(|interval| json!({
                "interval": interval,
                "interval_count": 1,
                "meter": null,
                "trial_period_days": null,
                "usage_type": "licensed",
            })),
            "tax_behavior": "unspecified",
            "tiers_mode": null,
            "transform_quantity": null,
            "type": if new.interval.is_some() { "recurring" } else { "one_time" },
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
