//! The few calls that the crate `ort` does not wrap: what the engine knows of a
//! device, and where it has put the nodes of a model. They only read.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::ptr;

use ort::AsPointer;
use ort::device::Device;
use ort::session::Session;
use ort::sys::{OrtEpAssignedNode, OrtEpAssignedSubgraph, OrtStatusPtr};

use super::super::gpu::Gpu;

/// The provider that takes what no other can.
const CPU_PROVIDER: &str = "CPUExecutionProvider";

/// Most kinds of operators that a note names.
const MAX_NAMED: usize = 6;

/// What the engine knows of the hardware behind a device.
#[expect(unsafe_code, reason = "`ort` does not wrap these")]
pub(super) fn gpu(device: &Device<'_>) -> Gpu {
    let hardware = device.hardware_device();
    let api = ort::api();
    // SAFETY: the pointer is valid as long as `device` borrows the environment;
    // both functions read plain fields, and the list belongs to the device.
    let (vendor_id, pairs) = unsafe {
        (
            (api.HardwareDevice_VendorId)(hardware.ptr()),
            (api.HardwareDevice_Metadata)(hardware.ptr()),
        )
    };
    let (mut keys, mut values, mut count) = (ptr::null(), ptr::null(), 0);
    if !pairs.is_null() {
        // SAFETY: `pairs` is a list of the engine's, the others are places of ours.
        unsafe { (api.GetKeyValuePairs)(pairs, &raw mut keys, &raw mut values, &raw mut count) };
    }
    // SAFETY: the engine says that there are `count` of each.
    let (keys, values) = unsafe { (texts(keys, count), texts(values, count)) };
    let mut metadata: BTreeMap<String, String> = keys.into_iter().zip(values).collect();
    Gpu {
        vendor_id,
        device_id: hardware.id(),
        vendor: hardware.vendor().unwrap_or_default().to_owned(),
        card: metadata.get("card_idx").and_then(|text| text.parse().ok()),
        discrete: metadata.get("Discrete").map(|text| text == "1"),
        description: metadata.remove("Description"),
    }
}

/// How many nodes run where.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Placement {
    /// Nodes of the model as the engine runs it.
    pub(super) nodes: usize,
    /// Operators of those that run on the CPU, one an occurrence.
    pub(super) on_cpu: Vec<String>,
}

impl Placement {
    /// What a user of a GPU wants to know: nothing, if all nodes run there.
    pub(super) fn note(&self) -> Option<String> {
        if self.on_cpu.is_empty() {
            return None;
        }
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for operator in &self.on_cpu {
            *kinds.entry(operator).or_default() += 1;
        }
        let mut kinds: Vec<(&str, usize)> = kinds.into_iter().collect();
        kinds.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        let more = if kinds.len() > MAX_NAMED { ", …" } else { "" };
        let named = kinds.iter().take(MAX_NAMED);
        let named: Vec<String> = named
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        Some(format!(
            "{} of {} nodes run on the CPU ({}{more})",
            self.on_cpu.len(),
            self.nodes,
            named.join(", ")
        ))
    }
}

/// Where the engine has put a session's nodes; none if it did not record that.
#[expect(unsafe_code, reason = "`ort` does not wrap these")]
pub(super) fn placement(session: &Session) -> Option<Placement> {
    let api = ort::api();
    let (mut parts, mut count) = (ptr::null(), 0);
    // SAFETY: the session lives, the others are places of ours. What is given back
    // belongs to the session.
    let status = unsafe {
        (api.Session_GetEpGraphAssignmentInfo)(session.ptr(), &raw mut parts, &raw mut count)
    };
    succeeded(status)?;
    let mut placement = Placement::default();
    // SAFETY: the engine says that there are `count`.
    for &part in unsafe { list(parts, count) } {
        let part: *const OrtEpAssignedSubgraph = part;
        let (mut name, mut nodes, mut count) = (ptr::null(), ptr::null(), 0);
        // SAFETY: `part` is the session's, the others are places of ours.
        let statuses = unsafe {
            (
                (api.EpAssignedSubgraph_GetEpName)(part, &raw mut name),
                (api.EpAssignedSubgraph_GetNodes)(part, &raw mut nodes, &raw mut count),
            )
        };
        // Both are freed before either is looked at.
        let statuses = (succeeded(statuses.0), succeeded(statuses.1));
        if let (Some(()), Some(())) = statuses {
            placement.nodes += count;
            // SAFETY: the name is a text of the session's, which lives.
            if unsafe { text(name) } == CPU_PROVIDER {
                // SAFETY: the engine says that there are `count`.
                let nodes = unsafe { list(nodes, count) };
                placement
                    .on_cpu
                    .extend(nodes.iter().map(|&node| operator(node)));
            }
        }
    }
    Some(placement)
}

/// The operator of a node that belongs to a living session.
#[expect(unsafe_code, reason = "`ort` does not wrap this")]
fn operator(node: *const OrtEpAssignedNode) -> String {
    let mut name = ptr::null();
    // SAFETY: `node` comes from `placement`, the other is a place of ours.
    let status = unsafe { (ort::api().EpAssignedNode_GetOperatorType)(node, &raw mut name) };
    match succeeded(status) {
        // SAFETY: the name is a text of the session's.
        Some(()) => unsafe { text(name) }.to_owned(),
        None => "?".to_owned(),
    }
}

/// Frees a status; none if it was an error.
#[expect(unsafe_code, reason = "a status is freed by hand")]
fn succeeded(status: OrtStatusPtr) -> Option<()> {
    if status.0.is_null() {
        return Some(());
    }
    // SAFETY: it is not null, and nobody else has it.
    unsafe { (ort::api().ReleaseStatus)(status.0) };
    None
}

/// # Safety
/// `items` points at `count` of them, or is null, for as long as the result lives.
#[expect(unsafe_code, reason = "the engine gives pointers and lengths")]
unsafe fn list<'a, T>(items: *const T, count: usize) -> &'a [T] {
    if items.is_null() {
        return &[];
    }
    // SAFETY: as the caller says.
    unsafe { std::slice::from_raw_parts(items, count) }
}

/// # Safety
/// `text` is null or a text that ends with a zero, for as long as the result lives.
#[expect(unsafe_code, reason = "the engine gives C's texts")]
unsafe fn text<'a>(text: *const c_char) -> &'a str {
    if text.is_null() {
        return "";
    }
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or_default()
}

/// # Safety
/// As for [`list`] and [`text`].
#[expect(unsafe_code, reason = "the engine gives lists of C's texts")]
unsafe fn texts(items: *const *const c_char, count: usize) -> Vec<String> {
    // SAFETY: as the caller says.
    let items = unsafe { list(items, count) };
    // SAFETY: as the caller says.
    let texts = items.iter().map(|&item| unsafe { text(item) }.to_owned());
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "what is tested is")]
    fn lists_and_texts_may_be_null() {
        let names = [c"card_idx", c"", c"\xff"].map(CStr::as_ptr);
        // SAFETY: as many as there are, all of which live for ever.
        let read = unsafe { texts(names.as_ptr(), names.len()) };
        // What is not UTF-8 says nothing.
        assert_eq!(read, ["card_idx", "", ""]);
        // SAFETY: null is nothing, whatever the count.
        unsafe {
            assert!(texts(ptr::null(), 9).is_empty());
            assert!(list::<u64>(ptr::null(), usize::MAX).is_empty());
            assert_eq!(text(ptr::null()), "");
        }
    }

    #[test]
    fn a_note_counts_what_the_cpu_does() {
        let placement = |on_cpu: &[&str]| Placement {
            nodes: 195,
            on_cpu: on_cpu.iter().map(|&it| it.to_owned()).collect(),
        };
        assert_eq!(placement(&[]).note(), None);
        assert_eq!(
            placement(&["Shape", "Gather", "Shape"]).note().unwrap(),
            "3 of 195 nodes run on the CPU (2 Shape, 1 Gather)"
        );
    }
}
