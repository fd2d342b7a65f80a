//! Small readers and writers of the formats that tests put in and take out.

/// A YUV4MPEG2 stream, taken apart.
#[derive(Debug, PartialEq)]
pub struct Y4m {
    pub header: String,
    pub width: usize,
    pub height: usize,
    pub frames: Vec<Vec<u8>>,
}

impl Y4m {
    /// Reads a stream of 4:2:0 frames; panics unless every frame is whole.
    #[track_caller]
    pub fn parse(bytes: &[u8]) -> Self {
        let (header, mut rest) = line(bytes);
        assert!(header.starts_with("YUV4MPEG2 "), "header `{header}`");
        let number = |letter| {
            let word = header.split(' ').find_map(|word| word.strip_prefix(letter));
            word.and_then(|word| word.parse::<usize>().ok())
                .expect("a size in the header")
        };
        let (width, height) = (number('W'), number('H'));
        let size = width * height + 2 * width.div_ceil(2) * height.div_ceil(2);
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let (frame, bytes) = line(rest);
            assert!(frame.starts_with("FRAME"), "frame header `{frame}`");
            assert!(bytes.len() >= size, "frame {} is cut off", frames.len());
            let (pixels, after) = bytes.split_at(size);
            frames.push(pixels.to_vec());
            rest = after;
        }
        Self {
            header,
            width,
            height,
            frames,
        }
    }
}

fn line(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .expect("a line");
    (
        String::from_utf8_lossy(&bytes[..end]).into_owned(),
        &bytes[end + 1..],
    )
}

/// A YUV4MPEG2 stream of grey frames.
pub fn y4m(width: usize, height: usize, frames: usize) -> Vec<u8> {
    let mut bytes = format!("YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C420jpeg\n").into_bytes();
    for number in 0..frames {
        bytes.extend(b"FRAME\n");
        let size = width * height + 2 * width.div_ceil(2) * height.div_ceil(2);
        bytes.extend(std::iter::repeat_n(number as u8, size));
    }
    bytes
}

/// A coloured picture as JPEG, as cameras write them.
pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encode(width, height, image::ImageFormat::Jpeg)
}

/// The same as PNG.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    encode(width, height, image::ImageFormat::Png)
}

fn encode(width: u32, height: u32, format: image::ImageFormat) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, 128])
    });
    let mut out = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut out, format)
        .expect("encoding a picture");
    out.into_inner()
}

/// Pictures as an AVI file of motion JPEG, with an index.
pub fn avi(width: u32, height: u32, fps: u32, jpegs: &[Vec<u8>]) -> Vec<u8> {
    let count = jpegs.len() as u32;
    let largest = jpegs.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let main = words(&[
        1_000_000 / fps,
        largest * fps,
        0,
        0x10,
        count,
        0,
        1,
        largest,
        width,
        height,
        0,
        0,
        0,
        0,
    ]);
    let mut stream = b"vidsMJPG".to_vec();
    stream.extend(words(&[0, 0, 0, 1, fps, 0, count, largest, u32::MAX, 0, 0]));
    stream.extend(
        [width as u16, height as u16]
            .iter()
            .flat_map(|side| side.to_le_bytes()),
    );
    let mut format = words(&[40, width, height]);
    format.extend([1, 0, 24, 0]);
    format.extend(b"MJPG");
    format.extend(words(&[width * height * 3, 0, 0, 0, 0]));

    let (mut movie, mut index) = (b"movi".to_vec(), Vec::new());
    for jpeg in jpegs {
        index.extend(b"00dc");
        index.extend(words(&[0x10, movie.len() as u32, jpeg.len() as u32]));
        movie.extend(chunk(b"00dc", jpeg));
    }
    let stream = [chunk(b"strh", &stream), chunk(b"strf", &format)].concat();
    let headers = [chunk(b"avih", &main), list(b"strl", &stream)].concat();
    let body = [
        list(b"hdrl", &headers),
        chunk(b"LIST", &movie),
        chunk(b"idx1", &index),
    ]
    .concat();
    chunk(b"RIFF", &[b"AVI ".as_slice(), &body].concat())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn chunk(name: &[u8], data: &[u8]) -> Vec<u8> {
    let mut bytes = name.to_vec();
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes.extend(std::iter::repeat_n(0, data.len() % 2));
    bytes
}

fn list(kind: &[u8], data: &[u8]) -> Vec<u8> {
    chunk(b"LIST", &[kind, data].concat())
}
