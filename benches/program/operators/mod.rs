//! The operators' verbs at a size that hurts: 1,000,000 events and 100,000 dead letters in Postgres.
//!
//! First what they look at, as a ratio to floors of the same run. Then a bulk retry of half of the
//! dead letters, as an operation in a process of its own, while live webhooks come in; what it costs them
//! is a ratio to the same traffic without it. Each of the retried dead letters is an event of its own
//! object, which exists and was seen after the event was made: the worker settles it as covered,
//! without a request, so that it is the queue and the tables that are measured, and not Stripe's
//! limit. The live events are of new payments and are fetched.
//!
//! Needs 5 GB of disk and some minutes. `sizes.rs` has the variables that make it smaller.

mod looks;
mod operation;
mod retry;
mod scene;
mod seed;
mod sizes;

use looks::Look;
pub(crate) use operation::play as operation;
use retry::Retried;
use scene::Scene;
use sizes::Sizes;

use crate::stage::Timings;

pub(crate) async fn measure() {
    let sizes = Sizes::from_env();
    let Sizes { events, dead_letters, retried, rate, workers, .. } = sizes;
    println!("operators: {events} events, {dead_letters} dead letters");
    let scene = Scene::set(workers).await;
    // The objects of the data set are made after that of a real payment.
    scene.pays();
    scene.settled().await;
    let group = seed::seed(&scene.stage.url, sizes).await;

    let floors = looks::floors(&scene, sizes.runs).await;
    let row = floors[1].timings.percentile(50);
    let looks = looks::all(&scene, &group, sizes.runs).await;
    println!("\n{:<34}{:>9}{:>9}{:>9}{:>14}", "ms", "p50", "p95", "max", "p50 to a row");
    floors.iter().chain(&looks).for_each(|look| line(look, row));

    println!("\nretry of {retried} letters, each a covered event of an object of its own;");
    println!("{rate} live webhooks a second, all fetched; {workers} worker process(es)");
    let retried = retry::measure(&scene, &group, sizes).await;
    tell(&retried);

    println!("\nand again, after the retry:");
    looks::groups(&scene.store, sizes.runs).await.iter().for_each(|look| line(look, row));
    assert!(retried.faults.is_empty(), "{:#?}", retried.faults);
}

fn line(look: &Look, row: f64) {
    let Look { name, timings } = look;
    let (p50, p95, max) = (timings.percentile(50), timings.percentile(95), timings.max());
    println!("{name:<34}{p50:>9.2}{p95:>9.2}{max:>9.2}{:>14.1}", p50 / row);
}

fn tell(retried: &Retried) {
    let Retried { calm, operating, draining, operation, drained, live, .. } = retried;
    println!(
        "\n{:<34}{:>9}{:>9}{:>9}{:>9}",
        "received to settled, ms", "events", "p50", "p99", "max"
    );
    for (name, of) in [
        ("without the retry", calm),
        ("while the operation ran", operating),
        ("until its jobs were done", draining),
    ] {
        let (p50, p99, max) = (of.percentile(50), of.percentile(99), of.max());
        println!("{name:<34}{:>9}{p50:>9.1}{p99:>9.1}{max:>9.1}", of.count());
    }
    let ratio = |percent| Timings::percentile(draining, percent) / calm.percentile(percent);
    println!("{:<34}{:>9}{:>9.2}{:>9.2}", "with it to without", "", ratio(50), ratio(99));

    let (seconds, all) = (operation.seconds, drained.as_secs_f64());
    let rate = |seconds: f64| operation.total as f64 / seconds;
    println!("\noperation: {} letters in {seconds:.1} s, {:.0}/s", operation.total, rate(seconds));
    println!(
        "drained:   {all:.1} s after its begin, {:.0}/s; {live} live events in all",
        rate(all)
    );
    let [before, tenth, end, peak] =
        [operation.rss_before, operation.rss_tenth, operation.rss_end, operation.rss_peak]
            .map(|kilobytes| kilobytes as f64 / 1024.0);
    println!(
        "memory:    {before:.1} MB before, {tenth:.1} MB after a tenth, {end:.1} MB at the end"
    );
    println!("           {peak:.1} MB at most: {:.2} times that after a tenth", peak / tenth);
}
