"""One person's panel: the pose as annotated and as predicted, the heatmaps, and what P and C say of every joint."""

import cv2
import numpy as np

from data_pipeline import drawing
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn.inference import visualization

SIDE, GAP = 256, 4
# Columns of the verdicts' table, pixels: the joints' names, whether one was found, then a cell for each of P and C.
NAME_WIDTH, FOUND_WIDTH, CELL_WIDTH = 200, 72, 72
# Of the table's letters: large, for TensorBoard shows a panel at a third of its size before one asks for more.
TEXT_SCALE = 0.62
# A cell's colours at probabilities 0 and 1, white between them: of the palette of `drawing`, but of no side there.
NO, YES = (204, 121, 167), (0, 158, 115)
# A lower row cannot be read, pixels.
LEAST_ROW = 14
TITLES = ("ring: hidden", "found")
# What is said of a joint, by whom.
VERDICTS = {"plausible": "P", "confident": "C"}
FOUND, MISSED, UNKNOWN = "yes", "no", "?"


def draw(person: dict[str, np.ndarray], title: str, skeleton: Skeleton = MPII16) -> np.ndarray:
    """Draws a panel.

    Args:
        person: a dict of one person's arrays: `crop` [S, S, 3] uint8 RGB; `true` and `joints` [J, 2] crop pixels;
            `annotated`, `visible`, `counted` (whether a joint can be scored) and `found` (whether it is where it
            should be) [J] bool; `occlusion_known`, without which nothing is drawn as hidden and the caption says so;
            `pose` [s, s, J] heatmaps. Where G predicts them, `occlusion` [s, s, J] and `occluded` [J]
            probabilities; where there is P, `plausible`, and where there is C, `confident` [J] probabilities.
        title: the line at the top.
        skeleton: whose J joints they are.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    pictures = _pictures(person, skeleton)
    sheet = drawing.contact_sheet(list(pictures.values()), 2, SIDE, GAP, list(pictures))
    if any(name in person for name in VERDICTS):
        sheet = np.concatenate([sheet, verdicts(person, len(sheet), skeleton)], axis=1)
    return np.concatenate([drawing.text_line(f" {title}", sheet.shape[1]), sheet])


def _pictures(person, skeleton):
    """The pictures by their captions."""
    image, (true, joints) = drawing.enlarged(person["crop"], SIDE, person["true"], person["joints"])
    truth = "truth" if person["occlusion_known"] else "truth, occlusion not known"
    pictures = {
        truth: drawing.draw_pose(image, true, _hidden(person), person["annotated"], skeleton),
        "prediction": visualization.draw_prediction(image, joints, person.get("occluded"), skeleton),
        "pose heatmaps": drawing.draw_heatmaps(image, np.clip(person["pose"], 0.0, 1.0), skeleton),
    }
    if "occlusion" in person:
        maps = np.clip(person["occlusion"], 0.0, 1.0)
        pictures["occlusion heatmaps"] = drawing.draw_heatmaps(image, maps, skeleton)
    return pictures


def _hidden(person):
    """(J,) bool, the joints that are known to be hidden."""
    return person["annotated"] & ~person["visible"] & person["occlusion_known"]


def verdicts(person: dict[str, np.ndarray], height: int, skeleton: Skeleton = MPII16) -> np.ndarray:
    """A table of what P and C say, a row a joint, with whether it was found and a ring where it is hidden.

    Args:
        person: as of `draw`, with `plausible` or `confident` or both.
        height: of the table in pixels.
        skeleton: whose joints they are; of too many for the height the first are told.

    Returns:
        [height, W, 3] uint8 RGB.
    """
    said = {title: person[name] for name, title in VERDICTS.items() if name in person}
    widths = (NAME_WIDTH, FOUND_WIDTH, *[CELL_WIDTH] * len(said))
    row_height = max(height // (len(skeleton) + 1), LEAST_ROW)
    told = skeleton.joints[: height // row_height - 1]
    rows = [np.hstack([_cell(text, w, row_height) for text, w in zip((*TITLES, *said), widths, strict=True)])]
    hidden = _hidden(person)
    for i, joint in enumerate(told):
        name = _cell(joint.replace("_", " "), NAME_WIDTH, row_height, centred=False)
        if hidden[i]:
            cv2.circle(name, (NAME_WIDTH - 14, row_height // 2), 7, (0, 0, 0), 2, cv2.LINE_AA)
        shares = [_cell(f"{each[i]:.2f}", CELL_WIDTH, row_height, colour(each[i])) for each in said.values()]
        rows.append(np.hstack([name, _cell(_outcome(person, i), FOUND_WIDTH, row_height), *shares]))
    table = np.full((height, sum(widths) + GAP, 3), 255, np.uint8)
    table[: row_height * len(rows), :-GAP] = np.vstack(rows)
    return table


def colour(probability: float) -> tuple[int, ...]:
    """`NO` at 0, white at a half, `YES` at 1, and what lies between them; RGB as three ints."""
    strength = abs(2.0 * float(probability) - 1.0)
    end = YES if probability > 0.5 else NO
    return tuple(round(255 + strength * (part - 255)) for part in end)


def _outcome(person, joint):
    if not person["counted"][joint]:
        return UNKNOWN
    return FOUND if person["found"][joint] else MISSED


def _cell(text, width, height, background=(255, 255, 255), centred=True):
    """[height, width, 3] uint8 with a line of text, and a thin white edge at the right and below."""
    cell = np.full((height, width, 3), 255, np.uint8)
    cell[:-1, :-1] = background
    font = (cv2.FONT_HERSHEY_SIMPLEX, TEXT_SCALE)
    (length, letters), _ = cv2.getTextSize(text, *font, 1)
    place = ((width - length) // 2 if centred else GAP, (height + letters) // 2)
    return cv2.putText(cell, text, place, *font, (0, 0, 0), 1, cv2.LINE_AA)
