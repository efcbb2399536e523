//! A file of refunds: comma-separated values, one refund a line.
//!
//! The first line names the columns. A column that is not known is refused, because a misspelt `amount` would
//! refund everything that is left.

use std::collections::HashMap;
use std::fmt;

use crate::command::card_data;
use crate::command::idempotency_key::{self, MadeKey};
use crate::money::{Currency, Minor};

/// Most lines of a file: all of them are in memory until the operation has begun.
pub const MOST_LINES: usize = 100_000;

/// Longest text of the column `key`, in bytes.
pub const LONGEST_KEY: usize = 100;

/// A refund that a file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundLine {
    /// The line of the file, from 1; the first one has the names of the columns.
    pub line: u32,
    /// The payment that is refunded.
    pub payment_intent: String,
    /// A part, in the currency's smallest unit; none: all that is left.
    pub amount: Option<Minor>,
    /// The currency that the payment must have, where the file says one.
    pub currency: Option<Currency>,
    /// What tells this refund from another one of the same payment; empty where the file says nothing.
    pub key: String,
}

impl RefundLine {
    /// The idempotency key of the command, the same whenever the file is started: it is made of the payment and
    /// the column `key`, and neither of the file, nor of the place in it, nor of the amount.
    ///
    /// `try_number` is 1. A command that Stripe certainly never received is closed for good under its key; the
    /// next number has the refund made anew.
    #[must_use]
    pub fn idempotency_key(&self, try_number: u32) -> String {
        let (payment, key) = (self.payment_intent.as_str(), self.key.as_str());
        MadeKey::RefundLine { payment, key, try_number }.to_string()
    }
}

/// A line of a file that is not a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong, and what to do. Never holds what may be card data.
    pub problem: String,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

/// The columns that a file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    PaymentIntent,
    Amount,
    Currency,
    Key,
}

impl Column {
    const ALL: [(Self, &'static str); 4] = [
        (Self::PaymentIntent, "payment_intent"),
        (Self::Amount, "amount"),
        (Self::Currency, "currency"),
        (Self::Key, "key"),
    ];
}

/// Reads a file. Either all of its lines are refunds, or each line that is none is named.
///
/// # Errors
/// The faults of the lines, in their order; at least one.
pub fn read(text: &str) -> Result<Vec<RefundLine>, Vec<LineError>> {
    // Spreadsheets begin a file in UTF-8 with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().zip(1_u32..).filter(|(text, _)| !text.trim().is_empty());
    let Some((header, first)) = lines.next() else {
        return Err(vec![fault(1, "the file is empty: its first line names the columns.")]);
    };
    let columns = columns(header).map_err(|problem| vec![fault(first, problem)])?;
    let mut refunds: Vec<RefundLine> = Vec::new();
    let mut faults = Vec::new();
    let mut keys: HashMap<String, u32> = HashMap::new();
    for (text, number) in lines {
        if refunds.len() >= MOST_LINES {
            faults
                .push(fault(number, format!("a file has {MOST_LINES} refunds at most: split it.")));
            break;
        }
        match refund(number, text, &columns) {
            Err(problem) => faults.push(fault(number, problem)),
            Ok(refund) => match keys.insert(refund.idempotency_key(1), number) {
                None => refunds.push(refund),
                Some(earlier) => faults.push(fault(number, repeated(&refund, earlier))),
            },
        }
    }
    if refunds.is_empty() && faults.is_empty() {
        faults.push(fault(first, "no refund follows: one refund a line."));
    }
    if faults.is_empty() { Ok(refunds) } else { Err(faults) }
}

fn fault(line: u32, problem: impl Into<String>) -> LineError {
    LineError { line, problem: problem.into() }
}

fn repeated(refund: &RefundLine, earlier: u32) -> String {
    let RefundLine { payment_intent, key, .. } = refund;
    if key.is_empty() {
        format!(
            "{payment_intent} is refunded by line {earlier} already. If both are wanted, give each a text of \
             its own in the column `key`."
        )
    } else {
        format!(
            "{payment_intent} with the key `{key}` is line {earlier} already. If both are wanted, give them \
             different keys."
        )
    }
}

fn columns(header: &str) -> Result<Vec<Column>, String> {
    let known = || Column::ALL.map(|(_, name)| name).join(", ");
    let mut columns = Vec::new();
    for name in cells(header)? {
        let name = name.trim().to_ascii_lowercase();
        let column = Column::ALL.into_iter().find(|(_, known)| *known == name);
        let Some((column, _)) = column else {
            // The file may have no header at all: then this is a value, which is not repeated.
            let shown = if card_data::holds_number(&name) { "a column" } else { name.as_str() };
            return Err(format!("`{shown}` is no column; there are {}.", known()));
        };
        if columns.contains(&column) {
            return Err(format!("the column `{name}` is there twice."));
        }
        columns.push(column);
    }
    if !columns.contains(&Column::PaymentIntent) {
        return Err(format!("the column `payment_intent` is missing; there are {}.", known()));
    }
    Ok(columns)
}

fn refund(line: u32, text: &str, columns: &[Column]) -> Result<RefundLine, String> {
    let cells = cells(text)?;
    if cells.len() != columns.len() {
        return Err(format!("has {} values for {} columns.", cells.len(), columns.len()));
    }
    if cells.iter().any(|cell| card_data::holds_number(cell)) {
        return Err("holds what looks like a card number.".to_owned());
    }
    let of = |column: Column| {
        let at = columns.iter().position(|one| *one == column);
        at.and_then(|at| cells.get(at)).map_or("", |cell| cell.trim())
    };
    let payment_intent = of(Column::PaymentIntent).to_owned();
    let is_id = payment_intent.strip_prefix("pi_").is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    if !is_id || payment_intent.len() > 100 {
        return Err("payment_intent: write Stripe's id, pi_...".to_owned());
    }
    let key = of(Column::Key).to_owned();
    if key.len() > LONGEST_KEY {
        return Err(format!("key: has more than {LONGEST_KEY} characters."));
    }
    let refund = RefundLine {
        line,
        amount: amount(of(Column::Amount))?,
        currency: currency(of(Column::Currency))?,
        payment_intent,
        key,
    };
    // Of the longest number of tries: what is good now is good then.
    idempotency_key::check(&refund.idempotency_key(u32::MAX))
        .map_err(|breach| format!("key: {}", breach.detail))?;
    Ok(refund)
}

fn amount(text: &str) -> Result<Option<Minor>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<Minor>() {
        Ok(amount) if digits && amount > 0 => Ok(Some(amount)),
        Ok(_) | Err(_) => Err(
            "amount: write a whole number in the currency's smallest unit (1999 for 19.99 EUR), or nothing \
             for all that is left."
                .to_owned(),
        ),
    }
}

fn currency(text: &str) -> Result<Option<Currency>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = Currency::parse(&text.to_ascii_lowercase());
    parsed.map(Some).map_err(|_| "currency: write its three letters, such as eur.".to_owned())
}

/// The values of a line (RFC 4180). A quoted value ends in its line: a line of the file is a refund.
fn cells(text: &str) -> Result<Vec<String>, String> {
    let mut cells = Vec::new();
    let mut rest = text;
    loop {
        let (cell, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let (cell, after) = rest.split_at(end);
                if cell.contains('"') {
                    return Err(
                        "a quote stands inside a value that does not begin with one.".to_owned()
                    );
                }
                (cell.to_owned(), after)
            }
        };
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(cells),
            None => return Err("something follows a closing quote.".to_owned()),
        }
    }
}

/// A value whose opening quote has been read, and what follows its closing one.
fn unquoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let Some((part, after)) = rest.split_once('"') else {
            return Err("a quoted value does not end in its line.".to_owned());
        };
        value.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                value.push('"');
                rest = more;
            }
            None => return Ok((value, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn faults(text: &str) -> Vec<String> {
        read(text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lines_are_refunds_with_or_without_the_columns_that_may_be_left_out() {
        let short = read("payment_intent\npi_1\n\npi_2\n").unwrap();
        let lines: Vec<_> =
            short.iter().map(|it| (it.line, &*it.payment_intent, it.amount)).collect();
        assert_eq!(lines, [(2, "pi_1", None), (4, "pi_2", None)]);

        let text = "\u{feff}Key,\"amount\", currency ,payment_intent\r\n\"a, \"\"b\"\"\",1999,EUR,pi_1\r\nc,,,pi_1";
        let all = read(text).unwrap();
        assert_eq!((&*all[0].key, all[0].amount), ("a, \"b\"", Some(1999)));
        assert_eq!(all[0].currency, Currency::parse("eur").ok());
        assert_eq!((&*all[1].key, all[1].amount, all[1].currency), ("c", None, None));
    }

    #[test]
    fn each_line_that_is_wrong_is_named_with_what_is_wrong() {
        let text = "payment_intent,amount,currency,key\n\
                    pi_1,19.99,,a\n\
                    ch_1,100,,b\n\
                    pi_2,-5,,\n\
                    pi_3,100,euro,\n\
                    pi_4,100\n\
                    pi_5,100,eur,\"open\n\
                    pi_6,100,eur,x\"y\n\
                    pi_7,0,,\n\
                    pi_8,99999999999999999999,,\n\
                    pi_9,100,eur,4242 4242 4242 4242\n\
                    pi_ok,100,eur,fine\n";
        let faults = faults(text);
        let begins = [
            "line 2: amount: write a whole number",
            "line 3: payment_intent: write Stripe's id",
            "line 4: amount:",
            "line 5: currency:",
            "line 6: has 2 values for 4 columns.",
            "line 7: a quoted value does not end",
            "line 8: a quote stands inside",
            "line 9: amount:",
            "line 10: amount:",
            "line 11: holds what looks like a card number.",
        ];
        assert_eq!(faults.len(), begins.len(), "{faults:#?}");
        for (fault, begin) in faults.iter().zip(begins) {
            assert!(fault.starts_with(begin), "{fault}");
        }
        assert!(!faults.concat().contains("4242"));
    }

    #[test]
    fn a_column_that_is_misspelt_is_refused_because_all_would_be_refunded() {
        let fault = faults("payment_intent,ammount\npi_1,100\n");
        assert!(fault[0].starts_with("line 1: `ammount` is no column"), "{fault:?}");
        assert!(faults("amount\n1\n")[0].contains("`payment_intent` is missing"));
        assert!(faults("payment_intent,key,key\npi_1,a,b\n")[0].contains("twice"));
        assert!(faults("")[0].contains("empty"));
        assert!(faults("payment_intent\n")[0].contains("no refund follows"));
        assert!(!faults("4242424242424242\n")[0].contains("4242"));
    }

    #[test]
    fn equal_amounts_are_not_duplicates_and_equal_keys_are() {
        let both = read("payment_intent,amount,key\npi_1,500,a\npi_1,500,b\n").unwrap();
        assert_ne!(both[0].idempotency_key(1), both[1].idempotency_key(1));
        let same = faults("payment_intent,amount,key\npi_1,500,a\npi_1,700,a\n");
        assert!(same[0].contains("line 3: pi_1 with the key `a` is line 2 already"), "{same:?}");
        let none = faults("payment_intent,amount\npi_1,500\npi_2,500\npi_1,500\n");
        assert!(none[0].contains("line 4: pi_1 is refunded by line 2 already"), "{none:?}");
    }

    #[test]
    fn a_key_does_not_depend_on_the_place_or_the_rest_of_the_file() {
        let one = read("payment_intent,amount,key\npi_1,500,a\n").unwrap();
        let other = read("key,payment_intent\nz,pi_9\na,pi_1\n").unwrap();
        assert_eq!(one[0].idempotency_key(1), other[1].idempotency_key(1));
        assert_eq!(one[0].idempotency_key(1), "refund/1/pi_1/a");
    }

    #[test]
    fn a_secret_in_a_key_is_refused() {
        assert!(
            faults("payment_intent,key\npi_1,tok_abc\n")[0].contains("line 2: key: holds a secret")
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC*(\n\\PC*){0,5}") {
            let _ = read(&text);
        }

        #[test]
        fn what_is_quoted_is_read_as_it_was(value in "[^\r\n]*") {
            let quoted = format!("\"{}\",x", value.replace('"', "\"\""));
            prop_assert_eq!(cells(&quoted).unwrap(), [value, "x".to_owned()]);
        }
    }
}
