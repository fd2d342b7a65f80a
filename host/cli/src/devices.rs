//! `devices`: the cameras of this machine, and what each can send.

use millstream_runtime::Devices;
use serde_json::json;

use crate::args::DevicesArgs;
use crate::failure::Failure;
use crate::output;

pub(crate) fn devices(args: &DevicesArgs) -> Result<(), Failure> {
    let cameras = Devices::default().cameras;
    let found = cameras.devices().map_err(Failure::device)?;
    let mut out = String::new();
    for camera in &found {
        let modes = match cameras.caps(&camera.id) {
            Ok(caps) => caps.structures().iter().map(ToString::to_string).collect(),
            Err(error) => vec![error.to_string()],
        };
        if args.json {
            let (id, name, description) = (&camera.id, &camera.name, &camera.description);
            out += &json!({"id": id, "name": name, "description": description, "caps": modes})
                .to_string();
        } else {
            out += &format!(
                "camera {}: {} ({})",
                camera.id, camera.name, camera.description
            );
            for mode in &modes {
                out += "\n  ";
                out += mode;
            }
        }
        out.push('\n');
    }
    if found.is_empty() && !args.json {
        output::talk("no cameras");
    }
    Ok(output::data(&out)?)
}
