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
    /// The corner of `smpte`.
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
        let mut canvas = Canvas::new(info.width, info.height, [0; 3]);
        still::draw(settings.pattern, &mut canvas, &colors);
        let scene = (settings.pattern == Pattern::Shapes)
            .then(|| Scene::new(settings.seed, settings.count, info, &colors));
        if let Some(scene) = &scene {
            scene.draw_background(&mut canvas, &colors);
        }
        let mut prepared = vec![0; info.size];
        pack(
            &canvas,
            canvas.area(),
            &mut VideoFrameMut::new(info, &mut prepared)?,
        );
        let motion = match (settings.pattern, scene) {
            (_, Some(scene)) => Motion::Shapes {
                background: canvas.clone(),
                canvas,
                scene: Box::new(scene),
            },
            (Pattern::Snow, _) => Motion::Snow(Vec::new()),
            (Pattern::Smpte, _) => {
                let area = still::smpte_noise(&canvas);
                Motion::Corner(canvas, area)
            }
            (Pattern::Ball, _) => Motion::Ball(canvas),
            _ => Motion::Nothing,
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
