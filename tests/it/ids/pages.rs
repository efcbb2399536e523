//! A chosen id that holds everything that a path, a page and a shell could stumble over, from the event
//! to the operator: ingress, queue, simulated Stripe, tables, pages, API, command line.

use stripe_simulator::NewCustomer;

use crate::admin::site::{OPERATOR, Site};
use crate::harness::Options;
use crate::ops::command;

const ID: &str = "a/b ?c=d#e&f 50% +ü <b>\"'`$x`;--";

/// The same as one segment of a path.
const SEGMENT: &str = "a%2Fb%20%3Fc%3Dd%23e%26f%2050%25%20%2B%C3%BC%20%3Cb%3E%22%27%60%24x%60%3B--";

/// The addresses of a page's links, as a browser reads them.
fn links(page: &str) -> Vec<String> {
    let hrefs = page.split(" href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    hrefs.map(|href| href.replace("&#38;", "&").replace("&amp;", "&")).collect()
}

#[tokio::test]
async fn an_object_with_a_chosen_id_is_kept_found_shown_and_reconciled() {
    let site = Site::start(Options::default()).await;
    let account = site.app.stripe().platform();
    let id = Some(ID.to_owned());
    account.create_customer(NewCustomer { id, ..NewCustomer::default() });
    account.create_product(Some(ID), "Gold").unwrap();
    site.app.settled().await;
    let row = site.app.db.json("app.customers", "true").await;
    assert_eq!(row["stripe_customer_id"], ID);
    assert_eq!(site.app.db.json("app.products", "true").await["stripe_product_id"], ID);
    assert_eq!(site.app.db.count("quittance.dead_letters").await, 0);

    // The pages: each link to it leads to it, and nothing of it is markup.
    let cookie = site.sign_in(OPERATOR).await;
    for path in ["/objects?kind=customer", "/events?type=customer.created"] {
        let page = site.page(path, &cookie).await;
        assert_eq!(page.status, 200);
        assert!(!page.text.contains("<b>\""), "{path}");
        let found: Vec<_> =
            links(&page.text).into_iter().filter(|link| link.contains(SEGMENT)).collect();
        assert!(!found.is_empty(), "{path}: {}", page.text);
        for link in found.iter().filter(|link| link.starts_with("/objects/")) {
            // The product has the same id; a page that does not know the kind asks which is meant.
            let page = site.page(link, &cookie).await;
            let wanted = if link.contains("kind=") { 200 } else { 409 };
            assert_eq!(page.status, wanted, "{link}: {}", page.text);
            assert!(!page.text.contains("<b>\""), "{link}");
        }
    }
    let path = format!("/objects/{SEGMENT}?kind=customer");
    let shown = site.call("GET", &path, OPERATOR, &serde_json::Value::Null).await;
    assert_eq!(shown.json()["object"]["id"], ID, "{shown:?}");
    let path = format!("/objects/{SEGMENT}/reconcile?kind=product");
    let done = site.call("POST", &path, OPERATOR, &serde_json::json!({})).await;
    assert_eq!(done.json()["outcome"], "unchanged", "{done:?}");

    // The command line.
    let run = async |arguments: &[&str]| command(&site.app, arguments).await;
    let (code, out, said) = run(&["objects", "show", ID, "--kind", "customer"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(out.contains(ID), "{out}");
    let (code, out, said) = run(&["reconcile", "--kind", "customer", "--", ID]).await;
    assert_eq!(code, 0, "{out}{said}");
    let (code, out, _) = run(&["objects", "list", "--kind", "customer", "--ids"]).await;
    assert_eq!((code, out.trim_end()), (0, ID));
    let (_, _, said) = run(&["objects", "show", "no such; id"]).await;
    assert!(said.contains("quittance reconcile 'no such; id'"), "{said}");
    site.stop().await;
}
