//! Pictures made of levels: of any sampling, with restarts, and what they have to look
//! like, computed as the standard says it.

use std::f64::consts::PI;

use jpegenc::JpegEnc;
use millstream_sdk::prelude::*;

/// Random numbers, the same ones for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn between(&mut self, most: i32) -> i32 {
        self.below(most as u64 * 2 + 1) as i32 - most
    }
}

/// How a picture is made.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Blocks of a unit, across and down, of each component.
    pub(crate) sampling: Vec<(usize, usize)>,
    /// Units between restarts.
    pub(crate) restart: usize,
    /// Of all coefficients.
    pub(crate) step: u8,
}

/// Samples of a component as exact as they can be.
pub(crate) struct Component {
    stride: usize,
    samples: Vec<f64>,
    /// Pixels a sample, across and down.
    across: usize,
    down: usize,
}

impl Component {
    /// The sample of a pixel.
    pub(crate) fn at(&self, x: usize, y: usize) -> f64 {
        self.samples[y / self.down * self.stride + x / self.across]
    }
}

/// The codes of the standard: for each table and symbol, the code and its bits. What an
/// encoder writes is read.
pub(crate) struct Codes {
    segments: Vec<u8>,
    codes: [[(u32, u32); 256]; 4],
}

impl Codes {
    pub(crate) fn new() -> Self {
        let mut encoder = Harness::<JpegEnc>::new("").unwrap();
        let caps = "video/x-raw, format=RGB, width=8, height=8, framerate=5/1";
        encoder.set_caps("sink", caps).unwrap();
        encoder.push(Buffer::from_bytes(&[0; 192])).unwrap();
        let jpeg = encoder.pull().unwrap().map().to_vec();
        let (mut segments, mut codes) = (Vec::new(), [[(0, 0); 256]; 4]);
        let mut at = 2;
        while jpeg[at + 1] != 0xda {
            let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
            if jpeg[at + 1] == 0xc4 {
                segments.extend(&jpeg[at..end]);
                let kind = usize::from(jpeg[at + 4] >> 4 | (jpeg[at + 4] & 1) << 1);
                let (mut code, mut symbols) = (0, jpeg[at + 21..end].iter());
                for length in 1..=16 {
                    for _ in 0..jpeg[at + 4 + length] {
                        let symbol = usize::from(*symbols.next().unwrap());
                        codes[kind][symbol] = (code, length as u32);
                        code += 1;
                    }
                    code <<= 1;
                }
            }
            at = end;
        }
        Self { segments, codes }
    }
}

/// Bits of a scan.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    byte: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, bits: u32, count: u32) {
        for n in (0..count).rev() {
            self.byte = self.byte << 1 | (bits >> n & 1);
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.byte as u8);
                if self.byte as u8 == 255 {
                    self.bytes.push(0);
                }
                (self.byte, self.count) = (0, 0);
            }
        }
    }

    fn level(&mut self, level: i32, size: u32) {
        let bits = if level < 0 { level - 1 } else { level };
        self.put(bits as u32 & ((1 << size) - 1), size);
    }

    fn fill(&mut self) {
        while self.count > 0 {
            self.put(1, 1);
        }
    }
}

fn size(level: i32) -> u32 {
    32 - level.unsigned_abs().leading_zeros()
}

/// The picture, and its components' samples.
pub(crate) fn picture(
    plan: &Plan,
    codes: &Codes,
    random: &mut Random,
) -> (Vec<u8>, Vec<Component>) {
    let most = |of: fn(&(usize, usize)) -> usize| plan.sampling.iter().map(of).max().unwrap();
    let (across, down) = (most(|sampling| sampling.0), most(|sampling| sampling.1));
    let (columns, rows) = (
        plan.width.div_ceil(across * 8),
        plan.height.div_ceil(down * 8),
    );
    let component = |&(h, v): &(usize, usize)| Component {
        stride: columns * h * 8,
        samples: vec![0.0; columns * h * 8 * rows * v * 8],
        across: across / h,
        down: down / v,
    };
    let mut components: Vec<Component> = plan.sampling.iter().map(component).collect();
    let (mut bits, mut last) = (Bits::default(), [0; 3]);
    for unit in 0..columns * rows {
        if plan.restart > 0 && unit > 0 && unit % plan.restart == 0 {
            bits.fill();
            let n = (unit / plan.restart - 1) % 8;
            bits.bytes.extend([0xff, 0xd0 + n as u8]);
            last = [0; 3];
        }
        for (n, (h, v)) in plan.sampling.iter().enumerate() {
            for block in 0..h * v {
                let levels = levels(plan.step, random);
                write(
                    &levels,
                    &mut last[n],
                    &codes.codes[n.min(1) * 2..][..2],
                    &mut bits,
                );
                let (x, y) = (
                    unit % columns * h + block % h,
                    unit / columns * v + block / h,
                );
                let to = &mut components[n];
                let at = y * 8 * to.stride + x * 8;
                transform(&levels, plan.step, &mut to.samples[at..], to.stride);
            }
        }
    }
    bits.fill();
    let mut jpeg = header(plan, codes);
    jpeg.extend(bits.bytes);
    jpeg.extend([0xff, 0xd9]);
    (jpeg, components)
}

/// Levels in the order in which they are written: few, some, or many, and some of them
/// large, all together not too much for a picture.
fn levels(step: u8, random: &mut Random) -> [i32; 64] {
    let mut levels = [0; 64];
    let step = i32::from(step);
    levels[0] = random.between(900 / step);
    let count = [0, 0, 3, 8, 20, 63][random.below(6) as usize];
    let most = (600 / (step * (count as i32 + 1))).max(1);
    for n in 1..=count {
        let at = if count > 20 {
            n
        } else {
            1 + random.below(count as u64 * 3) as usize
        };
        levels[at] = random.between(most);
    }
    levels
}

fn write(levels: &[i32; 64], last: &mut i32, codes: &[[(u32, u32); 256]], bits: &mut Bits) {
    let difference = levels[0] - *last;
    *last = levels[0];
    let (code, length) = codes[0][size(difference) as usize];
    bits.put(code, length);
    bits.level(difference, size(difference));
    let mut run = 0;
    for level in &levels[1..] {
        if *level == 0 {
            run += 1;
            continue;
        }
        while run > 15 {
            bits.put(codes[1][0xf0].0, codes[1][0xf0].1);
            run -= 16;
        }
        let (code, length) = codes[1][run << 4 | size(*level) as usize];
        bits.put(code, length);
        bits.level(*level, size(*level));
        run = 0;
    }
    if run > 0 {
        bits.put(codes[1][0].0, codes[1][0].1);
    }
}

/// The inverse transform of T.81, section A.3.3.
fn transform(levels: &[i32; 64], step: u8, to: &mut [f64], stride: usize) {
    let scale = |n: usize| if n == 0 { 0.5_f64.sqrt() } else { 1.0 };
    let cos = |x: usize, u: usize| ((2 * x + 1) as f64 * u as f64 * PI / 16.0).cos();
    let (mut u, mut v) = (0_usize, 0_usize);
    let mut sums = [[128.0; 8]; 8];
    for level in levels {
        if *level != 0 {
            let value = f64::from(*level * i32::from(step)) * scale(u) * scale(v) / 4.0;
            for (y, row) in sums.iter_mut().enumerate() {
                for (x, sum) in row.iter_mut().enumerate() {
                    *sum += value * cos(x, u) * cos(y, v);
                }
            }
        }
        // Up and to the right, then down and to the left.
        (u, v) = match ((u + v) % 2 == 0, u, v) {
            (true, 7, v) => (7, v + 1),
            (true, u, 0) => (u + 1, 0),
            (true, u, v) => (u + 1, v - 1),
            (false, u, 7) => (u + 1, 7),
            (false, 0, v) => (0, v + 1),
            (false, u, v) => (u - 1, v + 1),
        };
    }
    for (y, row) in sums.iter().enumerate() {
        for (x, sum) in row.iter().enumerate() {
            to[y * stride + x] = sum.clamp(0.0, 255.0);
        }
    }
}

fn header(plan: &Plan, codes: &Codes) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    jpeg.extend([plan.step; 64]);
    let count = plan.sampling.len() as u8;
    let size = [plan.height, plan.width].map(|size| (size as u16).to_be_bytes());
    jpeg.extend([0xff, 0xc1, 0, 8 + 3 * count, 8]);
    jpeg.extend(size.as_flattened());
    jpeg.push(count);
    for (id, (h, v)) in (1..).zip(&plan.sampling) {
        jpeg.extend([id, (h << 4 | v) as u8, 0]);
    }
    jpeg.extend(&codes.segments);
    let restart = (plan.restart as u16).to_be_bytes();
    jpeg.extend([0xff, 0xdd, 0, 4, restart[0], restart[1]]);
    // Some bytes to fill, a comment.
    jpeg.extend([0xff, 0xff, 0xff, 0xfe, 0, 3, 9]);
    jpeg.extend([0xff, 0xda, 0, 6 + 2 * count, count]);
    for id in 1..=count {
        jpeg.extend([id, if id == 1 { 0 } else { 0x11 }]);
    }
    jpeg.extend([0, 63, 0]);
    jpeg
}
