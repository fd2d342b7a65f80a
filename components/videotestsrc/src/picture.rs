//! [`Picture`]: a pattern at one format and size, drawn frame by frame.
//!
//! What does not move is drawn once in the frame's format; each frame begins as a
//! copy of that. What moves is drawn on a canvas and packed area by area.

use millstream_sdk::buffer::GROUND_TRUTH;
use millstream_sdk::video::VideoFrameMut;
use millstream_sdk::{Buffer, Failure, VideoInfo};

use crate::canvas::{Area, Canvas};
use crate::color::Colors;
use crate::pack::pack;
use crate::random::Random;
use crate::shapes::{Moving, Scene};
use crate::{Pattern, Settings, ball, snow, still};

/// Rows that are drawn at a time; even, so that rows that share chroma stay together.
const BAND_ROWS: usize = 16;

/// A pattern at one format and size.
#[derive(Debug)]
pub(crate) struct Picture {
    info: VideoInfo,
    colors: Colors,
    seed: u32,
    /// What does not move, in the frame's format.
    prepared: Vec<u8>,
    motion: Motion,
}

/// What moves.
#[derive(Debug)]
enum Motion {
    Nothing,
    /// All of it, with a row of noise to reuse.
    Snow(Vec<u8>),
    /// The corner of `smpte` and what shares chroma with it, and the corner alone.
    Corner(Canvas, Area),
    Ball(Canvas),
    /// The background, what is drawn on, what moves.
    Shapes {
        background: Canvas,
        canvas: Canvas,
        scene: Box<Scene>,
    },
}

impl Picture {
    pub(crate) fn new(settings: &Settings, info: &VideoInfo) -> Result<Self, Failure> {
        let colors = Colors::new(info);
        let (width, height, pattern) = (info.width, info.height, settings.pattern);
        let mut prepared = vec![0; info.size];
        let mut frame = VideoFrameMut::new(info, &mut prepared)?;
        let mut on_canvas = |mut canvas: Canvas, scene: Option<&Scene>| {
            still::draw(pattern, &mut canvas, &colors);
            if let Some(scene) = scene {
                scene.draw_background(&mut canvas, &colors);
            }
            pack(&canvas, canvas.area(), &mut frame);
            canvas
        };
        let motion = match pattern {
            Pattern::Shapes => {
                let scene = Scene::new(settings.seed, settings.count, info, &colors);
                let canvas = on_canvas(Canvas::new(width, height), Some(&scene));
                Motion::Shapes {
                    background: canvas.clone(),
                    canvas,
                    scene: Box::new(scene),
                }
            }
            Pattern::Ball => Motion::Ball(on_canvas(Canvas::new(width, height), None)),
            // A canvas for all of it would take twice as much as the picture.
            _ => {
                for top in (0..height).step_by(BAND_ROWS) {
                    let y = (top, height.min(top + BAND_ROWS));
                    let band = Area { x: (0, width), y };
                    on_canvas(Canvas::part(width, height, band), None);
                }
                match pattern {
                    Pattern::Snow => Motion::Snow(Vec::new()),
                    Pattern::Smpte => {
                        let area = still::smpte_noise(width, height);
                        let part = Canvas::part(width, height, area.even(width, height));
                        Motion::Corner(on_canvas(part, None), area)
                    }
                    _ => Motion::Nothing,
                }
            }
        };
        Ok(Self {
            info: info.clone(),
            colors,
            seed: settings.seed,
            prepared,
            motion,
        })
    }

    /// Where what moves is, of patterns in which that follows from the frame before.
    pub(crate) fn moving(&self) -> Vec<Moving> {
        match &self.motion {
            Motion::Shapes { scene, .. } => scene.moving(),
            _ => Vec::new(),
        }
    }

    /// Goes on after frame `n`, in which what moves was there.
    pub(crate) fn go_on(&mut self, n: u64, moving: &[Moving]) -> Result<(), Failure> {
        match &mut self.motion {
            Motion::Shapes { scene, .. } => scene.go_on(n, moving),
            _ => Ok(()),
        }
    }

    /// Draws frame `n` into a buffer, with its ground truth where there is one.
    pub(crate) fn draw(&mut self, n: u64, buffer: &mut Buffer) -> Result<(), Failure> {
        let mut view = buffer.map_overwrite();
        view.copy_from_slice(&self.prepared);
        let mut frame = VideoFrameMut::new(&self.info, &mut view)?;
        let colors = &self.colors;
        match &mut self.motion {
            Motion::Nothing => {}
            Motion::Snow(noise) => snow::fill(&mut frame, &mut Random::new(self.seed, n), noise),
            Motion::Corner(canvas, area) => {
                snow::corner(canvas, *area, colors, &mut Random::new(self.seed, n));
                pack(canvas, *area, &mut frame);
            }
            Motion::Ball(canvas) => {
                let area = ball::draw(canvas, n, colors.of([255; 3]));
                pack(canvas, area, &mut frame);
                canvas.fill(area, colors.of([0; 3]));
            }
            Motion::Shapes {
                background,
                canvas,
                scene,
            } => {
                scene.advance_to(n);
                scene.draw(canvas);
                for area in scene.areas() {
                    pack(canvas, area, &mut frame);
                }
                scene
                    .areas()
                    .for_each(|area| canvas.restore(area, background));
                drop(view);
                buffer.set_detections(GROUND_TRUTH, scene.truth());
            }
        }
        Ok(())
    }
}
