//! The control protocol: a request that reads back as it is, or an explained refusal; for
//! clients, a greeting or an answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_core::control::{Answer, Greeting, Problem, parse_request};

fuzz_target!(|text: &str| {
    match parse_request(text) {
        Ok(request) => assert_eq!(parse_request(&request.to_line()), Ok(request)),
        Err(refused) => check(&refused.problem),
    }
    match Greeting::parse(text) {
        Ok(greeting) => assert_eq!(Greeting::parse(&greeting.to_line()), Ok(greeting)),
        Err(problem) => check(&problem),
    }
    // Fractions in it may change in their last digit, so that it need not read back.
    match Answer::parse(text) {
        Ok(answer) => assert!(Answer::parse(&answer.to_line()).is_ok()),
        Err(problem) => check(&problem),
    }
});

fn check(problem: &Problem) {
    assert!(!problem.to_string().trim().is_empty());
    assert_ne!(problem.hint().as_deref(), Some(""));
}
