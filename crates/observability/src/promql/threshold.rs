//! The threshold of an alert, read from its expression.

use promql_parser::parser::{BinaryExpr, Expr};

/// The comparison that decides whether an alert fires.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// `>`, `>=`, `<`, `<=`, `==` or `!=`.
    pub operator: String,
    /// The number compared with.
    pub value: f64,
}

/// See [`crate::promql::Query::threshold`].
pub(super) fn of(expression: &Expr) -> Option<Threshold> {
    match expression {
        Expr::Paren(paren) => of(&paren.expr),
        Expr::Aggregate(aggregate) => of(&aggregate.expr),
        Expr::Binary(binary) if binary.op.is_comparison_operator() => compared(binary).or_else(|| of(&binary.lhs)),
        Expr::Binary(binary) => of(&binary.lhs).or_else(|| of(&binary.rhs)),
        _ => None,
    }
}

fn compared(binary: &BinaryExpr) -> Option<Threshold> {
    let operator = binary.op.to_string();
    if let Some(value) = constant(&binary.rhs) {
        return Some(Threshold { operator, value });
    }
    let mirrored = match operator.as_str() {
        ">" => "<",
        ">=" => "<=",
        "<" => ">",
        "<=" => ">=",
        other => other,
    };
    constant(&binary.lhs).map(|value| Threshold { operator: mirrored.to_owned(), value })
}

/// Whether an expression is a number, not a vector.
pub(crate) fn is_scalar(expression: &Expr) -> bool {
    match expression {
        Expr::Paren(paren) => is_scalar(&paren.expr),
        Expr::Call(call) => matches!(call.func.name, "scalar" | "time"),
        _ => constant(expression).is_some(),
    }
}

/// The value of an expression of numbers only.
fn constant(expression: &Expr) -> Option<f64> {
    match expression {
        Expr::NumberLiteral(number) => Some(number.val),
        Expr::Paren(paren) => constant(&paren.expr),
        Expr::Unary(unary) => constant(&unary.expr).map(|value| -value),
        Expr::Binary(binary) => {
            let (left, right) = (constant(&binary.lhs)?, constant(&binary.rhs)?);
            match binary.op.to_string().as_str() {
                "+" => Some(left + right),
                "-" => Some(left - right),
                "*" => Some(left * right),
                "/" => Some(left / right),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::promql::Query;

    fn query(text: &str) -> Query {
        Query::parse(text).unwrap()
    }

    #[test]
    fn the_threshold_is_the_first_comparison() {
        for (text, operator, value) in [
            ("a > 0.9", ">", 0.9),
            ("a > 1 and b < 2", ">", 1.0),
            ("(a / b) > 14.4 * 0.001", ">", 14.4 * 0.001),
            ("0.5 < a", ">", 0.5),
            ("sum(up == 0)", "==", 0.0),
            ("a > b and c >= 3", ">=", 3.0),
            ("a < -1", "<", -1.0),
        ] {
            let found = query(text).threshold().unwrap();
            assert_eq!(found.operator, operator, "{text}");
            assert!((found.value - value).abs() < 1e-12, "{text}: {}", found.value);
        }
        assert_eq!(query("vector(1)").threshold(), None);
        assert_eq!(query("a > b").threshold(), None);
    }
}
