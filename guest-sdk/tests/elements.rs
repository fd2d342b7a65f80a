//! What the roles and the harness do with buffers, properties and caps.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

use millstream_sdk::harness::{fake_camera, shown, without_views};
use millstream_sdk::prelude::*;

properties! {
    /// What the user sets.
    pub struct Settings {
        /// Value written.
        value: u32 = 7 => [range(0, 255), unit("levels"), playing],
        /// Must be there.
        location: FileToWrite => [required],
        /// May be there.
        ratio: Option<Fraction>,
    }
}

/// Halves the width of gray frames.
struct Halve {
    settings: Settings,
    sizes: Option<(VideoInfo, VideoInfo)>,
}

impl Transform for Halve {
    const INFO: Info = Info::new("halve", "Filter", "Halves the width");
    const SINK_CAPS: &'static str = "video/x-raw, format=GRAY8";
    const SRC_CAPS: &'static str = "video/x-raw, format=GRAY8";
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            sizes: None,
        })
    }

    fn transform_caps(&self, given: Direction, caps: &Caps) -> Result<Caps, Failure> {
        let mut structure = caps.first().cloned().unwrap();
        if let Some(width) = structure.int("width") {
            structure.set(
                "width",
                if given == Direction::Sink {
                    width / 2
                } else {
                    width * 2
                },
            );
        }
        Ok(structure.into())
    }

    fn set_caps(&mut self, sink: &Caps, src: &Caps) -> Result<(), Failure> {
        self.sizes = Some((VideoInfo::from_caps(sink)?, VideoInfo::from_caps(src)?));
        Ok(())
    }

    fn output_size(&self, _: &Buffer) -> Result<usize, Failure> {
        Ok(self.sizes.as_ref().map(|(_, to)| to.size).unwrap())
    }

    fn transform(&mut self, _: &Buffer, output: &mut Buffer) -> Result<(), Failure> {
        output.map_overwrite().fill(self.settings.value as u8);
        Ok(())
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        self.settings = settings;
        Ok(())
    }
}
element!(Halve: Transform);

#[test]
fn transforms_into_a_new_buffer() {
    let mut harness = Harness::<Halve>::new("location=x value=9").unwrap();
    let caps = "video/x-raw, format=GRAY8, width=16, height=2, framerate=1/1";
    harness.set_caps("sink", caps).unwrap();
    assert_eq!(
        harness.caps("src").unwrap().first().unwrap().int("width"),
        Some(8)
    );
    let mut input = Buffer::from_bytes(&[0; 32]).with_pts(5);
    let rect = Rect {
        x: 1.0,
        y: 1.0,
        width: 2.0,
        height: 2.0,
    };
    let found = Detection::new(rect, 5, "ring", 0.5);
    input.set_detections(OBJECTS, std::slice::from_ref(&found));
    input.set_meta("note", Some(b"kept"));
    harness.push(input).unwrap();
    harness.set_property("value=10").unwrap();
    harness.push(Buffer::from_bytes(&[0; 32])).unwrap();

    let output = harness.pull().unwrap();
    assert_eq!(output.map().to_vec(), [9; 16]);
    assert_eq!(output.pts(), Some(5));
    assert_eq!(output.detections(OBJECTS), [found]);
    assert_eq!(output.meta("note").as_deref(), Some(&b"kept"[..]));
    assert_eq!(harness.pull().unwrap().map().to_vec(), [10; 16]);
}

#[test]
fn properties_are_declared_by_the_struct() {
    let [value, location, ratio] = Harness::<Halve>::describe().properties.try_into().unwrap();
    assert_eq!(value.description, "Value written.");
    assert_eq!(value.unit.as_deref(), Some("levels"));
    assert_eq!(value.default, Some(7.into()));
    assert!(location.required && location.default.is_none());
    assert!(!ratio.required && ratio.default.is_none());
}

#[test]
fn properties_are_checked() {
    for (properties, expected) in [
        ("", "property `location` must be set"),
        ("location=x value=256", "property `value` cannot be `256`"),
        ("location=x value", "got `value`, expected `name=value`"),
        ("location=x other=1", "no property `other`"),
        ("location=x ratio=1/0", "property `ratio` cannot be `1/0`"),
    ] {
        let failure = Harness::<Halve>::new(properties).err().unwrap();
        assert!(
            failure.message.contains(expected),
            "{properties}: {}",
            failure.message
        );
    }
    assert!(Harness::<Halve>::new("location=\"a b\" ratio=30000/1001").is_ok());
}

#[test]
fn writing_copies_only_what_is_shared() {
    for copies in [false, true] {
        without_views(copies);
        let mut buffer = Buffer::from_bytes(&[1, 2, 3, 4]);
        assert!(buffer.is_writable());
        let part = buffer.slice(1, 2);
        assert_eq!(&*part.map(), [2, 3]);
        assert!(!buffer.is_writable());
        buffer.map_mut()[1] = 9;
        assert_eq!(
            (&*part.map(), &*buffer.map()),
            (&[2, 3][..], &[1, 9, 3, 4][..])
        );
        assert!(buffer.is_writable() && part.is_writable());
        buffer.set_size(2);
        assert_eq!(&*buffer.map(), [1, 9]);
        buffer.map_overwrite().copy_from_slice(&[5, 6]);
        assert_eq!(&*buffer.map(), [5, 6]);
    }
}

/// Shows what a camera sees.
struct Mirror {
    capture: Option<millstream_sdk::camera::Capture>,
    window: Option<millstream_sdk::display::Window>,
}

impl Source for Mirror {
    const INFO: Info = Info::new("mirror", "Source", "Shows what a camera sees")
        .needs(&[Capability::Camera, Capability::Display])
        .live();
    type Settings = ();

    fn new((): ()) -> Result<Self, Failure> {
        Ok(Self {
            capture: None,
            window: None,
        })
    }

    fn start(&mut self, _: &Context) -> Result<(), Failure> {
        let caps = millstream_sdk::camera::caps("0")?;
        self.capture = Some(millstream_sdk::camera::Capture::open("0", &caps)?);
        self.window = Some(millstream_sdk::display::Window::open("mirror", 1, 1)?);
        Ok(())
    }

    fn produce(&mut self, _: &Context) -> Flow {
        let (Some(capture), Some(window)) = (&mut self.capture, &mut self.window) else {
            return Ok(Outcome::Eos);
        };
        Ok(match capture.take()? {
            Some(frame) if window.present(&frame, 4)? => frame.into(),
            Some(_) => Outcome::Eos,
            None => Outcome::Wait,
        })
    }
}
element!(Mirror: Source);

#[test]
fn devices_are_fakes() {
    assert!(
        Harness::<Mirror>::new("").unwrap().produce().is_err(),
        "there is no camera yet"
    );
    let frames = [[1, 2, 3, 0], [4, 5, 6, 0]].map(|bytes| Buffer::from_bytes(&bytes));
    fake_camera(
        "0",
        "video/x-raw, format=BGRx, width=1, height=1",
        frames.into(),
    );
    let mut harness = Harness::<Mirror>::new("").unwrap();
    assert_eq!(harness.pull().unwrap().map().to_vec(), [1, 2, 3, 0]);
    assert_eq!(shown(false).first().unwrap().bytes, [1, 2, 3, 0]);
    assert!(harness.pull().is_err());
    assert!(harness.is_eos());
}

#[test]
fn files_are_those_of_the_machine() {
    use millstream_sdk::files;
    let path = std::env::temp_dir().join(format!("millstream-sdk-{}", std::process::id()));
    let path = path.to_str().unwrap();
    let mut file = files::create(path).unwrap();
    file.write_all(b"hello ").unwrap();
    file.close().unwrap();
    let mut file = files::append(path).unwrap();
    file.write_all(b"world").unwrap();
    file.seek(0);
    file.write_all(b"J").unwrap();
    file.close().unwrap();
    let mut file = files::open_read(path).unwrap();
    let mut bytes = [0; 20];
    assert_eq!(
        (file.size().unwrap(), file.read(&mut bytes).unwrap()),
        (11, 11)
    );
    assert_eq!(&bytes[..11], b"Jello world");
    assert_eq!(file.read(&mut bytes).unwrap(), 0);
    std::fs::remove_file(path).unwrap();
    assert!(
        files::open_read(path)
            .unwrap_err()
            .message
            .contains("cannot open file")
    );
    assert!(
        files::open_read("a/../b")
            .unwrap_err()
            .message
            .contains("`..`")
    );
}
