//! Fake devices and models of the test's thread. Set them up before the element.

use crate::buffer::Buffer;
use crate::camera::Device;
use crate::failure::Failure;
use crate::nn::{Model, Tensor};
use crate::sys::world::{self, FakeCamera, Shown};

/// A model that computes what the closure says.
///
/// ```
/// use millstream_sdk::harness::fake_model;
/// use millstream_sdk::nn::{ElementType, Input, Model, Session, Tensor, allocate};
///
/// fake_model(Model::named("twice"), |inputs| {
///     let doubled: Vec<f32> = inputs[0].1.as_f32()?.iter().map(|x| x * 2.0).collect();
///     Ok(vec![("y".into(), Tensor::f32(&[2], &doubled).to_owned())])
/// });
///
/// let mut session = Session::open("twice")?;
/// let mut data = allocate(8);
/// data.map_mut().numbers_mut()?.copy_from_slice(&[1.0_f32, 2.5]);
/// let input = Input { name: "x", element_type: ElementType::F32, dimensions: &[2], data: &data };
/// let outputs = session.compute(&[input])?;
/// assert_eq!(outputs[0].data.map().numbers::<f32>()?, [2.0, 5.0]);
/// # Ok::<(), millstream_sdk::Failure>(())
/// ```
pub fn fake_model(
    model: Model,
    compute: impl FnMut(
        Vec<(String, Tensor<'static>)>,
    ) -> Result<Vec<(String, Tensor<'static>)>, Failure>
    + 'static,
) {
    world::with(|world| {
        world
            .models
            .insert(model.name.clone(), (model, Box::new(compute)))
    });
}

impl Model {
    /// A model for tests: nothing but a name, on the backend `test`.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            backend: "test".into(),
            device: "cpu".into(),
            precision: "f32".into(),
            threads: 1,
            load_time: 0,
            first_run_time: None,
            inputs: vec![],
            outputs: vec![],
            metadata: vec![],
            labels: vec![],
        }
    }
}

/// A camera that sends these frames, then nothing more.
pub fn fake_camera(id: &str, caps: &str, frames: Vec<Buffer>) {
    let device = Device {
        id: id.to_owned(),
        name: format!("fake camera {id}"),
        description: String::new(),
    };
    let frames = frames.into_iter().map(Buffer::into_raw).collect();
    let camera = FakeCamera {
        device,
        caps: caps.to_owned(),
        frames,
    };
    world::with(|world| world.cameras.push(camera));
}

/// The frames that elements showed in windows since the last call; `keep_open:
/// false` closes the windows, so that the next frame is answered with false.
pub fn shown(keep_open: bool) -> Vec<Shown> {
    world::with(|world| {
        world.windows_open = keep_open;
        core::mem::take(&mut world.shown)
    })
}

/// What could reach `restore` in place of what an element saved: nothing, a part of
/// it, more than it, another version, then the same with some bytes changed. The
/// first `usize` of them must be refused; the others may be, and do no harm.
pub fn hostile_states(saved: &[u8]) -> (usize, Vec<Vec<u8>>) {
    let mut states: Vec<Vec<u8>> = (0..saved.len())
        .filter_map(|length| Some(saved.get(..length)?.to_vec()))
        .collect();
    states.push([saved, &[0]].concat());
    // The version comes first, seven bits a byte.
    states.push([&[0x7f], saved.get(1..).unwrap_or_default()].concat());
    let refused = states.len();
    // One byte; a NaN of four or eight; the largest number.
    let largest = [[0xff; 9].as_slice(), &[1]].concat();
    let changes = [
        &[0_u8; 1] as &[u8],
        &[1],
        &[0x80],
        &[0xff; 4],
        &[0xff; 8],
        &largest,
    ];
    for change in changes {
        for at in 1..saved.len() {
            let (before, after) = saved.split_at(at);
            let after = after.get(change.len()..).unwrap_or_default();
            states.push([before, change, after].concat());
        }
    }
    (refused, states)
}

/// From now on, or until `false`, views are copies that are written back, as on a
/// host that cannot map memory.
pub fn without_views(copies: bool) {
    world::with(|world| world.views = !copies);
}
