//! Inverts the colours of video: `videotestsrc ! videonegate ! videoconvert ! windowsink`.
use millstream_sdk::prelude::*;

/// The element; it has nothing to remember.
pub struct VideoNegate;

impl InPlace for VideoNegate {
    const INFO: Info = Info::new("videonegate", "Filter/Effect/Video", "Inverts colours");
    const CAPS: &'static str = "video/x-raw, format={ RGB, BGR, RGBx, BGRx, GRAY8 }";
    type Settings = ();
    fn new((): ()) -> Result<Self, Failure> {
        Ok(Self)
    }
    fn process(&mut self, _: &Context, mut frame: Buffer) -> Flow {
        frame.map_mut().iter_mut().for_each(|byte| *byte = !*byte);
        Ok(frame.into())
    }
}
element!(VideoNegate: InPlace);
