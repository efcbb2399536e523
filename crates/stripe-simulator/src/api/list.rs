//! Lists and their pages (docs.stripe.com, "Pagination").

use serde_json::{Value, json};

use crate::error::ApiError;

use super::form::Form;

/// Parameters of every list.
pub(crate) const LIST_PARAMS: [&str; 5] =
    ["limit", "starting_after", "ending_before", "created", "expand"];

/// One entry of a list, oldest first.
pub(crate) struct Entry<'a, T> {
    pub(crate) id: &'a str,
    pub(crate) created: i64,
    pub(crate) item: &'a T,
}

/// A page of a list, newest first: after a cursor it runs to older ones, before a cursor to newer
/// ones. What was made after `until` is not in it.
pub(crate) fn page<'a, T: 'a>(
    form: &Form,
    url: &str,
    until: i64,
    entries: impl Iterator<Item = Entry<'a, T>>,
    render: impl Fn(&T) -> Value,
) -> Result<Value, ApiError> {
    let limit = match form.integer(&["limit"])? {
        None => 10,
        Some(limit @ 1..=100) => usize::try_from(limit).unwrap_or(100),
        Some(_) => {
            let message = "Invalid integer: limit must be between 1 and 100";
            return Err(ApiError::invalid(message)
                .code("parameter_invalid_integer")
                .param("limit"));
        }
    };
    let window = Window::parse(form, until)?;
    let mut rows: Vec<Entry<'a, T>> = entries.collect();
    rows.reverse();
    let place = |id: &str, param: &str, rows: &[Entry<'a, T>]| {
        let found = rows.iter().position(|row| row.id == id);
        found.ok_or_else(|| ApiError::no_such("object", id, param))
    };
    let after = form.text(&["starting_after"]).map(|id| place(id, "starting_after", &rows));
    let before = form.text(&["ending_before"]).map(|id| place(id, "ending_before", &rows));
    let (from, to) = match (after.transpose()?, before.transpose()?) {
        (Some(_), Some(_)) => {
            let message = "You can only specify one of ending_before and starting_after.";
            return Err(ApiError::invalid(message));
        }
        (Some(place), None) => (place + 1, rows.len()),
        (None, Some(place)) => (0, place),
        (None, None) => (0, rows.len()),
    };
    let backwards = form.text(&["ending_before"]).is_some();
    let rows: Vec<_> = rows.get(from..to).unwrap_or_default().iter().collect();
    let rows: Vec<_> = rows.into_iter().filter(|row| window.holds(row.created)).collect();
    let has_more = rows.len() > limit;
    let shown = if backwards {
        rows.get(rows.len().saturating_sub(limit)..)
    } else {
        rows.get(..limit.min(rows.len()))
    };
    let data: Vec<Value> = shown.unwrap_or_default().iter().map(|row| render(row.item)).collect();
    Ok(json!({ "object": "list", "data": data, "has_more": has_more, "url": url }))
}

/// `created[gte]` and its like.
struct Window {
    least: i64,
    most: i64,
}

impl Window {
    fn parse(form: &Form, until: i64) -> Result<Self, ApiError> {
        let mut window = Self { least: i64::MIN, most: i64::MAX };
        if let Some(exactly) = form.integer(&["created"])? {
            window = Self { least: exactly, most: exactly };
        }
        if let Some(bound) = form.integer(&["created", "gte"])? {
            window.least = window.least.max(bound);
        }
        if let Some(bound) = form.integer(&["created", "gt"])? {
            window.least = window.least.max(bound.saturating_add(1));
        }
        if let Some(bound) = form.integer(&["created", "lte"])? {
            window.most = window.most.min(bound);
        }
        if let Some(bound) = form.integer(&["created", "lt"])? {
            window.most = window.most.min(bound.saturating_sub(1));
        }
        window.most = window.most.min(until);
        Ok(window)
    }

    fn holds(&self, created: i64) -> bool {
        (self.least..=self.most).contains(&created)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(query: &str) -> Result<(Vec<i64>, bool), ApiError> {
        let names: Vec<(String, i64)> = (1..=5).map(|n| (format!("x{n}"), n)).collect();
        let entries =
            names.iter().map(|row| Entry { id: &row.0, created: row.1 * 10, item: &row.1 });
        let form = Form::parse(query.as_bytes())?;
        let list = page(&form, "/v1/x", i64::MAX, entries, |n| json!(n))?;
        let data = list["data"].as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect();
        Ok((data, list["has_more"] == true))
    }

    #[test]
    fn pages_run_from_new_to_old_and_back() {
        assert_eq!(ids("").unwrap(), (vec![5, 4, 3, 2, 1], false));
        assert_eq!(ids("limit=2").unwrap(), (vec![5, 4], true));
        assert_eq!(ids("limit=2&starting_after=x4").unwrap(), (vec![3, 2], true));
        assert_eq!(ids("limit=2&starting_after=x2").unwrap(), (vec![1], false));
        assert_eq!(ids("limit=2&ending_before=x1").unwrap(), (vec![3, 2], true));
        assert_eq!(ids("limit=2&ending_before=x4").unwrap(), (vec![5], false));
    }

    #[test]
    fn created_bounds_are_kept() {
        assert_eq!(ids("created[gte]=20&created[lt]=40").unwrap().0, [3, 2]);
        assert_eq!(ids("created[gt]=20&created[lte]=40").unwrap().0, [4, 3]);
        assert_eq!(ids("created=30").unwrap().0, [3]);
    }

    #[test]
    fn impossible_pages_are_refused() {
        for bad in ["limit=0", "limit=101", "limit=x", "starting_after=no"] {
            assert!(ids(bad).is_err(), "{bad}");
        }
        assert!(ids("starting_after=x1&ending_before=x2").is_err());
    }
}
