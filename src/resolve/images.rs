//! The image of buildkitd, and the version of BuildKit in it.

use crate::config::Buildkit;
use crate::diagnostics::problem::{Problem, Problems};
use crate::diagnostics::rule;
use crate::diagnostics::span::Spanned;
use crate::fleet::capabilities::{OLDEST_BUILDKIT, buildkit_of, is_upstream};
use crate::input::layer::Leaf;
use crate::values::image::Image;
use crate::values::version::Version;

/// The image, and the version of BuildKit in it if the tag or `buildkit_version` shows one.
pub(super) fn read_buildkit(layer: &Buildkit, problems: &mut Problems) -> (Image, Option<Version>) {
    let standard = &Buildkit::standard().image;
    if let Some(image) = layer.image.spanned() {
        check_image(image, example(standard), problems);
    }
    let image = layer.image.or(standard);
    let version = read_version(&image, layer, problems);
    (image, version)
}

/// An image for messages.
pub(super) fn example(image: &Leaf<Image>) -> &str {
    image.get().map_or("", Image::as_str)
}

fn check_image(image: &Spanned<Image>, example: &str, problems: &mut Problems) {
    let name = image.value.as_str();
    if image.value.is_rootless() {
        problems.push(
            Problem::new(&rule::IMAGE_ROOTLESS, format!("`image` is `{name}`, which does not run as root"))
                .at(image.span, "a rootless image: different user, socket and root directory")
                .help(format!(
                    "use an image without `-rootless`, such as `{example}`; buildkitd runs as root in these pods, and this image fails with permission denied at start"
                )),
        );
    }
    if !image.value.is_pinned() {
        problems.push(
            Problem::new(&rule::IMAGE_NOT_PINNED, format!("`image` is `{name}`, without a version"))
                .at(image.span, "expected a tag with a version, or a digest")
                .help(format!("add a version, such as `{example}`")),
        );
    }
}

/// The tag of moby/buildkit is its version; for any other image, `buildkit_version` takes precedence over the tag.
fn read_version(image: &Image, layer: &Buildkit, problems: &mut Problems) -> Option<Version> {
    let (tagged, given) = (buildkit_of(image), layer.buildkit_version.spanned());
    let used = given.filter(|_| tagged.is_none() || !is_upstream(image));
    if let (Some(tagged), Some(given), None) = (tagged, given, used)
        && tagged != given.value
        && !layer.image.is_refused()
    {
        let message = format!("`buildkit_version` is {}, but the tag of `image` is {tagged}", given.value);
        let problem = Problem::new(&rule::BUILDKIT_VERSION_NOT_USED, message)
            .at(given.span, "this version is ignored")
            .help("remove `buildkit_version`, or correct the tag");
        problems.push(match layer.image.span() {
            Some(span) => problem.see(span, format!("BuildKit {tagged}")),
            None => problem,
        });
    }
    let version = used.map(|given| given.value).or(tagged);
    if let Some(old) = version.filter(|version| *version < OLDEST_BUILDKIT) {
        let span = used.map(|given| given.span).or(layer.image.span()).unwrap_or_default();
        let own = if used.is_none() && !is_upstream(image) {
            "; if this tag counts your own builds, add `buildkit_version`"
        } else {
            ""
        };
        problems.push(
            Problem::new(
                &rule::BUILDKIT_TOO_OLD,
                format!("BuildKit {old} ignores `maxUsedSpace`, `reservedSpace` and `minFreeSpace`"),
            )
            .at(span, format!("expected {OLDEST_BUILDKIT} or later"))
            .help(format!("use a later image, such as `{}`{own}", example(&Buildkit::standard().image))),
        );
    }
    version
}
