//! What the shop offers: products, and a plan to subscribe to.

/// Two sellers of a marketplace, `acct_...`.
#[derive(Debug, Clone)]
pub struct Sellers {
    /// Has handed in all that Stripe wants, and can be paid.
    pub verified: String,
    /// Has not, and cannot be paid.
    pub unverified: String,
}

/// Something to subscribe to.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `price_...`: a price that is due each month.
    pub price: String,
    /// What a month costs, in the currency's smallest unit.
    pub amount: i64,
    /// Three letters in lower case.
    pub currency: String,
}

/// Something to buy.
#[derive(Debug, Clone)]
pub(super) struct Product {
    /// Its name in forms.
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// In the currency's smallest unit.
    pub(super) amount: i64,
    pub(super) currency: &'static str,
    /// Whose it is, where it is not the shop's own.
    pub(super) seller: Option<Seller>,
}

/// Who gets the money of a destination charge.
#[derive(Debug, Clone)]
pub(super) struct Seller {
    /// `acct_...`
    pub(super) account: String,
    /// What the shop keeps, in the currency's smallest unit.
    pub(super) fee: i64,
}

impl Product {
    /// `20.00 EUR`
    pub(super) fn price(&self) -> String {
        money(self.amount, self.currency)
    }

    /// Whether it can be charged to a saved card: the shop's own products are.
    pub(super) fn takes_saved_cards(&self) -> bool {
        self.seller.is_none()
    }
}

impl Plan {
    /// `9.00 EUR a month`
    pub(super) fn price(&self) -> String {
        format!("{} a month", money(self.amount, &self.currency))
    }
}

/// All of it. Without sellers there is no marketplace.
pub(super) fn catalog(sellers: Option<&Sellers>) -> Vec<Product> {
    let mut all = vec![Product {
        slug: "book",
        name: "A book",
        about: "Buy once, from the shop itself.",
        amount: 2000,
        currency: "eur",
        seller: None,
    }];
    let of = |slug, name, about, account: &str| Product {
        slug,
        name,
        about,
        amount: 4900,
        currency: "eur",
        seller: Some(Seller { account: account.to_owned(), fee: 490 }),
    };
    if let Some(sellers) = sellers {
        let about = "From a seller who can be paid: a destination charge, of which the shop keeps 4.90 EUR.";
        all.push(of("lamp", "A lamp", about, &sellers.verified));
        let about =
            "From a seller who has not finished onboarding: Quittance refuses it, and says why.";
        all.push(of("chair", "A chair", about, &sellers.unverified));
    }
    all
}

/// An amount as people read it. The shop has currencies of two decimals alone.
pub(super) fn money(amount: i64, currency: &str) -> String {
    format!("{}.{:02} {}", amount / 100, amount % 100, currency.to_uppercase())
}
