//! `deploy/` speaks of nothing that is not served. What docs/metrics.md lists, the roles serve.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use quittance::{config, http, queue};

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// All series that there are, with the suffixes that their types bring.
fn series() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for row in read("docs/metrics.md").lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let suffixes: &[&str] = match cells[2] {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "gauge" => &[""],
            "info" => &["_info"],
            // The table of labels.
            _ => continue,
        };
        all.extend(suffixes.iter().map(|suffix| format!("{}{suffix}", cells[1])));
    }
    assert!(all.len() > 20, "the table was not found: {all:?}");
    all
}

/// The words in a text that can only be names of series.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = |word: &&str| word.starts_with("quittance_") || word.starts_with("process_");
    words.filter(ours).map(str::to_owned).collect()
}

#[test]
fn each_series_that_the_dashboard_and_the_alerts_name_is_served() {
    let known = series();
    for file in ["deploy/grafana-dashboard.json", "deploy/alerts.yml", "deploy/alerts_test.yml"] {
        let named = names(&read(file));
        assert!(named.len() > 10, "{file} names {named:?}");
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
    }
}

#[test]
fn the_dashboard_shows_each_number_of_commands_and_of_card_data() {
    let shown = names(&read("deploy/grafana-dashboard.json"));
    let of_it = |name: &&String| {
        ["quittance_command", "quittance_card_data"].iter().any(|begin| name.starts_with(begin))
            // Of a histogram its buckets are shown.
            && !name.ends_with("_sum") && !name.ends_with("_count")
    };
    let known = series();
    let missing: Vec<_> = known.iter().filter(of_it).filter(|it| !shown.contains(*it)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_alert_has_a_story_in_which_it_fires_and_one_in_which_it_does_not() {
    let rules = read("deploy/alerts.yml");
    let names = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let stories = read("deploy/alerts_test.yml");
    let mut count = 0;
    for name in names {
        count += 1;
        let of_it = stories
            .split("  - name: ")
            .filter(|story| story.lines().any(|line| line.trim() == format!("alertname: {name}")));
        let (quiet, loud): (Vec<_>, Vec<_>) =
            of_it.partition(|story| story.contains("exp_alerts: []"));
        assert!(!quiet.is_empty() && !loud.is_empty(), "{name}");
        let anchor = format!("docs/operations.md#{}", name.to_lowercase());
        assert!(rules.contains(&anchor), "{name} says where to read on");
    }
    assert!(count > 10, "the alerts were not found");
}

/// The sections of the runbook whose headings are alerts, and what they say.
fn sections() -> Vec<(String, String)> {
    let runbook = read("docs/operations.md");
    let parts = runbook.split("\n#").skip(1).filter_map(|part| part.split_once('\n'));
    let parts = parts.map(|(heading, text)| (heading.trim_start_matches('#').trim(), text.trim()));
    let alerts = parts.filter(|(heading, _)| heading.starts_with("Quittance"));
    alerts.map(|(heading, text)| (heading.to_owned(), text.to_owned())).collect()
}

#[test]
fn the_runbook_says_of_each_alert_what_it_means_and_what_to_do() {
    let rules = read("deploy/alerts.yml");
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alerts: Vec<_> = alerts.collect();
    let sections = sections();
    let headings: Vec<_> = sections.iter().map(|(heading, _)| heading.as_str()).collect();
    assert_eq!(headings, alerts, "a section for each alert of deploy/alerts.yml, in its order");
    for (heading, text) in &sections {
        for part in ["**It means**", "**Look at**", "**Do**"] {
            assert!(text.contains(part), "{heading} lacks {part}");
        }
    }
}

#[test]
fn each_command_of_the_runbook_is_one() {
    let reference = read("docs/cli.md");
    let known: BTreeSet<_> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("## `quittance ")?.strip_suffix('`'))
        .collect();
    let runbook = read("docs/operations.md");
    let commands = runbook.split("quittance ").skip(1).filter_map(|rest| {
        let words = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-' && c != ' ').next()?;
        let words: Vec<_> = words.split(' ').filter(|word| !word.is_empty()).collect();
        // Prose, or a path.
        let first = words
            .first()
            .filter(|first| known.iter().any(|k| k.split(' ').next() == Some(**first)))?;
        Some((*first, words.get(1).copied()))
    });
    let mut count = 0;
    for (first, second) in commands {
        count += 1;
        let verb = second.map(|second| format!("{first} {second}"));
        let has_verbs = known.iter().any(|known| known.starts_with(&format!("{first} ")));
        let right = verb.as_deref().is_some_and(|verb| known.contains(verb));
        assert!(
            right || !has_verbs || first == "admin" || second.is_none(),
            "{verb:?} is no command"
        );
    }
    assert!(count > 30, "the commands were not found");
}

#[test]
fn the_dashboard_is_json_whose_panels_say_what_they_show() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("deploy/grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(!panel["description"].as_str().unwrap().is_empty(), "{panel}");
        assert!(!panel["targets"][0]["expr"].as_str().unwrap().is_empty(), "{panel}");
    }
}

#[test]
fn each_setting_of_the_kubernetes_example_is_one() {
    let example = read("deploy/kubernetes.yaml");
    let set = example.lines().filter_map(|line| line.trim().strip_prefix("- { name: QUITTANCE__"));
    let set: Vec<_> = set
        .map(|rest| {
            let (name, value) = rest.trim_end_matches(" }").split_once(", value: ").unwrap();
            (format!("QUITTANCE__{name}"), value.trim_matches('"').to_owned())
        })
        .collect();
    assert!(set.len() > 3, "the settings were not found");
    // Of the secret that the example has made: without a token nothing listens for others.
    let token = ("QUITTANCE__ADMIN__TOKENS__ADA__HASH", format!("sha256:{}", "0".repeat(64)));
    assert!(example.contains(&format!("--from-literal={}=", token.0)));
    for variable in set {
        let token = (token.0.to_owned(), token.1.clone());
        config::load(None, [variable, token].into_iter()).unwrap();
    }
}

/// `terminationGracePeriodSeconds` of a role.
fn grace_period(example: &str, role: &str) -> Duration {
    let of_role = example.split("\nkind: Deployment\n").skip(1);
    let of_role = of_role.filter(|part| part.contains(&format!("name: quittance-{role}\n")));
    let lines: Vec<_> = of_role.flat_map(str::lines).collect();
    let seconds =
        lines.iter().find_map(|line| line.trim().strip_prefix("terminationGracePeriodSeconds: "));
    Duration::from_secs(seconds.unwrap().parse().unwrap())
}

#[test]
fn the_kubernetes_example_leaves_each_role_the_time_that_its_stop_can_take() {
    let settings = config::load(None, std::iter::empty()).unwrap();
    let example = read("deploy/kubernetes.yaml");
    // The listeners of health and metrics.
    let listeners = 2 * http::Limits::default().grace;

    let sending = settings.outbox.destinations.values().map(|it| it.timeout).max().unwrap();
    let recording = settings.database.acquire_timeout + settings.database.statement_timeout;
    let work = queue::longest_stop(&settings.redis, settings.worker.grace);
    let worker = work + sending + recording + listeners;
    let period = grace_period(&example, "worker");
    assert!(period > worker, "a worker may take {worker:?}, and has {period:?}");

    let ingress = settings.ingress.grace + listeners;
    let period = grace_period(&example, "ingress");
    assert!(period > ingress, "an ingress may take {ingress:?}, and has {period:?}");
}

#[test]
fn the_example_allows_the_memory_that_the_ingress_may_take() {
    let example = read("deploy/kubernetes.yaml");
    let ingress = example.split("\n---\n").find(|part| part.contains("args: [ingress]")).unwrap();
    let limit = ingress.lines().find_map(|line| line.trim().strip_prefix("limits: { memory: "));
    let limit: usize = limit.unwrap().strip_suffix("Mi }").unwrap().parse().unwrap();
    let settings = config::load(None, std::iter::empty()).unwrap().ingress;
    // A verified body is there once more while it is written to Redis. The program itself: 20 MiB.
    let most = 2 * settings.max_body_memory + http::Limits::from(&settings).memory() + (20 << 20);
    assert!(most <= limit << 20, "{} MiB of {limit} MiB", most >> 20);
    let manual = format!("({} MiB with these defaults", most >> 20);
    assert!(read("config/default.toml").contains(&manual), "{manual}");
}

#[test]
fn the_images_first_layer_has_a_stub_for_each_target_that_the_manifest_names() {
    let steps = read("Dockerfile").replace("\\\n", " ");
    let stubs = steps.lines().find_map(|line| line.strip_prefix("RUN mkdir ")).unwrap();
    let (stubs, build) = stubs.split_once("&& cargo build").unwrap();
    assert!(build.contains("--locked"), "{build}");
    let dir = crate::harness::temp_dir();
    let manifests =
        steps.lines().filter_map(|line| line.strip_prefix("COPY ")).flat_map(str::split_whitespace);
    for file in manifests.filter(|file| file.ends_with("Cargo.toml") || *file == "Cargo.lock") {
        let path = dir.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, read(file)).unwrap();
    }
    let run = |command: &mut Command| command.current_dir(dir.path()).output().unwrap();
    assert!(run(Command::new("sh").args(["-ec", &format!("mkdir {stubs}")])).status.success());
    // Far enough to look for each target's file, and no further: there is no such program.
    let build = ["build", "--offline", "--locked", "--bin", "none"];
    let said = run(Command::new(env!("CARGO")).args(build)).stderr;
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("no bin target named `none`"), "{said}");
}
