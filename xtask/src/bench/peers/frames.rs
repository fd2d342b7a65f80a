//! The frames that all sides read, made by our own test source, and pictures, made by `OpenCV`.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::line::{FRAMES, KERNELS};
use crate::workspace::{Workspace, capture};

/// Frames of a clip; they are read again and again.
const COUNT: usize = 8;
const RAW: [(&str, u32, u32); 12] = [
    ("I420", 640, 480),
    ("I420", 1280, 720),
    ("I420", 1920, 1080),
    ("YUY2", 640, 480),
    ("YUY2", 1280, 720),
    ("YUY2", 1920, 1080),
    ("NV12", 640, 480),
    ("NV12", 1280, 720),
    ("NV12", 1920, 1080),
    ("RGB", 640, 480),
    ("RGB", 1280, 720),
    ("BGRx", 640, 480),
];

/// Makes what is not there yet: a file for each frame, and one with all of them.
pub(super) fn make(workspace: &Workspace) -> Result<()> {
    for (format, width, height) in RAW {
        let name = format!("{format}-{width}x{height}");
        let folder = workspace.root.join(FRAMES).join(&name);
        let all = folder.join("all.raw");
        if all.is_file() {
            continue;
        }
        fs::create_dir_all(&folder)?;
        let line = format!(
            "videotestsrc pattern=shapes num-buffers={COUNT} \
             ! video/x-raw,format={format},width={width},height={height},framerate=30/1 \
             ! multifilesink location={FRAMES}/{name}/%02d.raw"
        );
        let mut command = workspace.command(workspace.binary());
        capture(command.args(["launch", "--quiet", "--clock", "virtual", &line]))?;
        let mut bytes = Vec::new();
        for frame in 0..COUNT {
            bytes.extend(fs::read(folder.join(format!("{frame:02}.raw")))?);
        }
        fs::write(all, bytes)?;
    }
    Ok(())
}

/// Makes pictures, and frames to encode, of a photograph if one lies beside the checkout.
pub(super) fn pictures(workspace: &Workspace, python: &Path) -> Result<()> {
    // What is written last.
    let folder = workspace.root.join(FRAMES).join("png-640x480");
    if folder.join("all.png").is_file() {
        return Ok(());
    }
    let photograph = workspace.root.join("../shared/images/dog.jpg");
    let mut command = workspace.command(python);
    command.args([KERNELS, "pictures"]);
    if photograph.is_file() {
        command.arg(photograph);
    }
    capture(&mut command)?;
    Ok(())
}
