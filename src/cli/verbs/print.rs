//! Output of the verbs: the outcome of a request, as text and as JSON.
//!
//! A `client_secret` is in the answer that is printed on the standard output, and nowhere else.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::cli::format::plain;
use crate::cli::objects::print;
use crate::cli::out::print_json;
use crate::commands::{CommandPreview, CommandReply, PreviewOutcome, Problem, written};
use crate::domain::command::RuleCode;
use crate::roles::exit::{Exit, Failed};

/// It was done.
pub(super) fn done(key: &str, reply: &CommandReply, as_json: bool) -> Result<Exit, Failed> {
    let CommandReply { body, command, replayed, .. } = reply;
    if as_json {
        document("done", key, Some(*command), *replayed, body)?;
        return Ok(Exit::Success);
    }
    let id = text(body, "id");
    match text(body, "status") {
        "" => println!("{id}"),
        status => println!("{id}  {status}"),
    }
    if *replayed {
        println!(
            "Nothing new was done: this is the answer of an earlier request with the same key or reference. Give a \
             --idempotency-key of its own to what is wanted once more."
        );
    }
    print::facts(&facts(body));
    Ok(Exit::Success)
}

/// A rule or Stripe refused it. `body` is a problem document.
pub(super) fn refused<T>(
    key: Option<&str>,
    body: &Value,
    replayed: bool,
    as_json: bool,
) -> Result<T, Failed> {
    let command = text(body, "command").parse().ok();
    if as_json {
        document("refused", key.unwrap_or_default(), command, replayed, body)?;
    }
    let by = if text(body, "request_id").is_empty() { "refused" } else { "Stripe refused it" };
    let mut more = Vec::new();
    for (field, name) in [
        ("decline_code", "the bank's word is"),
        ("payment_intent", "the payment is"),
        ("payment_method", "the payment method is"),
        ("request_id", "Stripe's request is"),
        ("command", "the command is"),
    ] {
        let value = text(body, field);
        if !value.is_empty() {
            more.push(format!("{name} {value}"));
        }
    }
    if replayed {
        more.push(
            "this is the answer of an earlier request with the same key: a new try takes a new \
                   --idempotency-key"
                .to_owned(),
        );
    }
    if !as_json && !text(body, "client_secret").is_empty() {
        // Without it the customer cannot be brought back; it belongs on the standard output alone.
        println!("client_secret  {}", text(body, "client_secret"));
    }
    let said = format!("{by} ({}): {}", text(body, "code"), text(body, "detail"));
    // As for card data in an argument.
    let is_card_data = text(body, "code") == RuleCode::CardData.as_str();
    let exit = if is_card_data { Exit::Usage } else { Exit::Failure };
    Err(Failed::new(exit, plain(&said)).but(&more))
}

/// It is stored, and its outcome is not known yet.
pub(super) fn open(key: &str, reply: &CommandReply, as_json: bool) -> Result<Exit, Failed> {
    let CommandReply { body, command, .. } = reply;
    if as_json {
        document("unknown", key, Some(*command), reply.replayed, body)?;
    }
    let said = if reply.status == 503 {
        format!(
            "Stripe has not received the command {command} yet ({}); it may still be sent within api.unsent_for",
            text(body, "code")
        )
    } else if text(body, "state") == "dead" {
        let why = text(body, "failure_detail");
        format!(
            "what became of the command {command} could not be found out ({why}): an operator decides, see \
                 `quittance commands show {command}`"
        )
    } else {
        let why = match text(body, "failure") {
            "" => String::new(),
            failure => format!(" ({failure})"),
        };
        format!(
            "what became of the command {command} is not known yet{why}; it is not lost, and not done twice"
        )
    };
    Err(Failed::new(Exit::Unknown, plain(&said)).but(&ways_to_look(*command, key)))
}

/// Another process carries it out at this moment.
pub(super) fn in_progress(key: &str, command: Uuid, as_json: bool) -> Result<Exit, Failed> {
    if as_json {
        document("unknown", key, Some(command), true, &Value::Null)?;
    }
    let said = format!("another process is carrying out the command {command}");
    Err(Failed::new(Exit::Unknown, said).but(&ways_to_look(command, key)))
}

fn ways_to_look(command: Uuid, key: &str) -> [String; 2] {
    [
        format!("`quittance commands show {command}` shows it"),
        format!("the same request with --idempotency-key {key} --wait waits for its answer"),
    ]
}

/// What would be sent, and what would refuse it.
pub(super) fn preview(key: &str, preview: &CommandPreview, as_json: bool) -> Result<Exit, Failed> {
    let CommandPreview { request, outcome } = preview;
    let (exit, would, command, problem) = match outcome {
        PreviewOutcome::Sent => (Exit::Success, "send", None, None),
        PreviewOutcome::Repeated(command) => (Exit::Success, "repeat", Some(*command), None),
        PreviewOutcome::Referred(command) => (Exit::Success, "existing", Some(*command), None),
        PreviewOutcome::Refused(error) => {
            (Exit::Failure, "refuse", None, Some(Problem::from(error)))
        }
    };
    if as_json {
        let parameters: serde_json::Map<String, Value> = request
            .parameters
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        print_json(&json!({
            "dry_run": true,
            "would": would,
            "idempotency_key": key,
            "request": {"method": request.method, "path": request.path, "parameters": parameters},
            "command": command,
            "refusal": problem,
        }))?;
    } else {
        println!("{} {}", request.method, request.path);
        let parameters = request.parameters.iter();
        let parameters: Vec<_> =
            parameters.map(|(name, value)| (name.as_str(), value.clone())).collect();
        print::facts(&parameters);
        println!("Idempotency key: {key}");
        match outcome {
            PreviewOutcome::Sent => println!("No rule would refuse it."),
            PreviewOutcome::Repeated(command) => {
                println!(
                    "It would not be sent: the command {command} has this key, and its answer is repeated."
                );
            }
            PreviewOutcome::Referred(command) => {
                println!(
                    "It would not be sent: what the command {command} has made has this reference, and is the answer."
                );
            }
            PreviewOutcome::Refused(_) => {}
        }
        println!("Dry run: nothing was sent, and nothing was written.");
    }
    match problem {
        None => Ok(exit),
        Some(Problem { code, detail, .. }) => {
            let said = format!("it would be refused ({code}): {detail}");
            Err(Failed::new(exit, plain(&said)))
        }
    }
}

fn document(
    outcome: &str,
    key: &str,
    command: Option<Uuid>,
    replayed: bool,
    answer: &Value,
) -> Result<(), Failed> {
    print_json(&json!({
        "outcome": outcome,
        "idempotency_key": Some(key).filter(|key| !key.is_empty()),
        "command": command,
        "replayed": replayed,
        "answer": answer,
    }))
}

fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap_or_default()
}

/// The fields of an answer that say something.
fn facts(body: &Value) -> Vec<(&str, String)> {
    let currency = body["currency"].as_str();
    let fields = body.as_object().into_iter().flatten();
    let facts = fields.filter(|(name, _)| !matches!(name.as_str(), "id" | "object" | "status"));
    let facts = facts.filter_map(|(name, value)| {
        let shown = match value {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            Value::Object(fields) if fields.is_empty() => return None,
            Value::Number(number) => match (number.as_i64(), currency) {
                (Some(amount), Some(currency)) if name.contains("amount") => {
                    format!("{amount} ({})", written(amount, Some(currency)))
                }
                _ => number.to_string(),
            },
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
        };
        Some((name.as_str(), shown))
    });
    facts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_printed_in_both_ways_and_what_says_nothing_is_left_out() {
        let body = json!({
            "id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount": 2000,
            "currency": "eur", "created": 1_700_000_000, "customer": null, "metadata": {},
            "livemode": false,
        });
        let expected = [
            ("amount", "2000 (20.00 EUR)"),
            ("created", "1700000000"),
            ("currency", "eur"),
            ("livemode", "false"),
        ];
        let found = facts(&body);
        let found: Vec<_> = found.iter().map(|(name, text)| (*name, text.as_str())).collect();
        assert_eq!(found, expected);
    }
}
