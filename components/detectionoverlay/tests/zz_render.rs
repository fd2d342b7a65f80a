//! scratch: renders pictures to look at
use detectionoverlay::DetectionOverlay;
use millstream_sdk::prelude::*;
#[test]
fn render() {
    for (w, h, fmt, extra) in [(640, 480, "RGB", ""), (1280, 720, "I420", ""), (160, 120, "NV12", ""), (640, 480, "GRAY8", "opacity=0.6"), (1280,720,"BGRx","opacity=0.7")] {
        let caps = format!("video/x-raw, format={fmt}, width={w}, height={h}, framerate=1/1");
        let info = VideoInfo::from_caps(&caps.parse().unwrap()).unwrap();
        let mut bytes = vec![128u8; info.size];
        { let n = info.planes().len(); let mut f = VideoFrameMut::new(&info, &mut bytes).unwrap();
          let bpp = info.plane(0).row_bytes / w;
          for (y, row) in f.plane_mut(0).rows_mut().enumerate() { for (x, b) in row.iter_mut().enumerate() { let x = x / bpp; *b = (60 + 120 * y / h + ((x / 8 + y / 8) % 2) * 10 + 40 * x / w) as u8; } } let _ = n; }
        let (fw, fh) = (w as f32, h as f32);
        let d = |x: f32, y: f32, ww: f32, hh: f32, c: u32, l: &str, p: f32| Detection { rect: Rect { x: x * fw, y: y * fh, width: ww * fw, height: hh * fh }, class_id: c, label: l.into(), confidence: p, track_id: None };
        let all = [d(0.1, 0.2, 0.2, 0.3, 0, "star", 0.93), d(0.4, 0.02, 0.2, 0.25, 1, "Jäger", 0.87), d(0.65, 0.4, 0.3, 0.4, 2, "traffic light", 0.71), d(0.85, 0.1, 0.3, 0.2, 3, "bicycle", 0.55), d(-0.1, 0.65, 0.25, 0.5, 4, "person", 1.0), d(0.3, 0.6, 0.15, 0.25, 5, "circle", 0.08), d(0.5, 0.6, 0.1, 0.1, 6, "triangle", 0.66), d(0.35, 0.35, 0.1,0.1,11,"",0.5), d(0.5,0.45,0.08,0.08,9,"gym",0.42)];
        let mut harness = Harness::<DetectionOverlay>::new(extra).unwrap();
        harness.set_caps("sink", &caps).unwrap();
        let mut b = Buffer::from_bytes(&bytes);
        b.set_detections(OBJECTS, &all);
        harness.push(b).unwrap();
        let out = harness.pull().unwrap().map().to_vec();
        let name = format!("/tmp/videows/out_{w}x{h}_{fmt}.raw");
        std::fs::write(name, out).unwrap();
    }
}
