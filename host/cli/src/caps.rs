//! `caps`: the algebra of `millstream-core` on the command line.

use millstream_core::caps::Caps;

use crate::args::{CapsArgs, CapsOperation};
use crate::failure::Failure;
use crate::output;

pub(crate) fn caps(args: &CapsArgs) -> Result<(), Failure> {
    let word = word(args.operation);
    let a = parse(&args.a)?;
    let is_unary = matches!(
        args.operation,
        CapsOperation::Simplify | CapsOperation::Fixate
    );
    let answer = match (&args.b, is_unary) {
        (Some(b), false) => binary(args.operation, &a, &parse(b)?),
        (None, true) => unary(args.operation, &a)?,
        (Some(_), true) => {
            return Err(Failure::usage(
                format!("`caps {word}` takes one caps, not two"),
                &format!("write `millstream caps {word} A`"),
            ));
        }
        (None, false) => {
            return Err(Failure::usage(
                format!("`caps {word}` takes two caps"),
                &format!("write `millstream caps {word} A B`"),
            ));
        }
    };
    Ok(output::data(&format!("{answer}\n"))?)
}

fn binary(operation: CapsOperation, a: &Caps, b: &Caps) -> String {
    match operation {
        CapsOperation::Intersect => a.intersect(b).to_string(),
        CapsOperation::IntersectFirst => a.intersect_first(b).to_string(),
        CapsOperation::Union => a.union(b).to_string(),
        CapsOperation::CanIntersect => a.can_intersect(b).to_string(),
        CapsOperation::Subset => a.is_subset(b).to_string(),
        CapsOperation::Equal | CapsOperation::Simplify | CapsOperation::Fixate => {
            a.is_equal(b).to_string()
        }
    }
}

fn unary(operation: CapsOperation, a: &Caps) -> Result<String, Failure> {
    if operation == CapsOperation::Simplify {
        return Ok(a.simplify().to_string());
    }
    if a.is_any() || a.is_empty() {
        return Err(Failure::usage(
            format!("`{a}` cannot be fixated: it names no format"),
            "name a media type, such as `video/x-raw, width=[1, 640]`",
        ));
    }
    Ok(a.fixate().to_string())
}

fn parse(text: &str) -> Result<Caps, Failure> {
    text.parse()
        .map_err(|error| millstream_core::Error::caps(error, text).into())
}

fn word(operation: CapsOperation) -> String {
    use clap::ValueEnum;
    operation
        .to_possible_value()
        .map_or_else(String::new, |it| it.get_name().to_owned())
}
