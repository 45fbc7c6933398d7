"""The sixteen joints of MPII, their mirror images, limbs, and the column that each belongs to in a table of scores."""

JOINTS = (
    "right_ankle",
    "right_knee",
    "right_hip",
    "left_hip",
    "left_knee",
    "left_ankle",
    "pelvis",
    "thorax",
    "upper_neck",
    "head_top",
    "right_wrist",
    "right_elbow",
    "right_shoulder",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
)
NUM_JOINTS = len(JOINTS)
INDEX = {name: i for i, name in enumerate(JOINTS)}


def _mirrored(name):
    swapped = {"right": "left", "left": "right"}
    side, _, rest = name.partition("_")
    return f"{swapped[side]}_{rest}" if side in swapped else name


# MIRROR[i] is the joint that stands where joint i stood once the picture is mirrored.
MIRROR = tuple(INDEX[_mirrored(name)] for name in JOINTS)

LIMBS = tuple(
    (INDEX[a], INDEX[b])
    for a, b in (
        ("right_ankle", "right_knee"),
        ("right_knee", "right_hip"),
        ("right_hip", "pelvis"),
        ("left_ankle", "left_knee"),
        ("left_knee", "left_hip"),
        ("left_hip", "pelvis"),
        ("pelvis", "thorax"),
        ("thorax", "upper_neck"),
        ("upper_neck", "head_top"),
        ("right_wrist", "right_elbow"),
        ("right_elbow", "right_shoulder"),
        ("right_shoulder", "thorax"),
        ("left_wrist", "left_elbow"),
        ("left_elbow", "left_shoulder"),
        ("left_shoulder", "thorax"),
    )
)

# The columns of the field's tables (the paper's Tables 1 and 2), left and right pooled. "head" is the top of the
# head, as the common evaluators count it. Pelvis and thorax are in no column.
COLUMNS = {
    "head": (INDEX["head_top"],),
    "shoulder": (INDEX["right_shoulder"], INDEX["left_shoulder"]),
    "elbow": (INDEX["right_elbow"], INDEX["left_elbow"]),
    "wrist": (INDEX["right_wrist"], INDEX["left_wrist"]),
    "hip": (INDEX["right_hip"], INDEX["left_hip"]),
    "knee": (INDEX["right_knee"], INDEX["left_knee"]),
    "ankle": (INDEX["right_ankle"], INDEX["left_ankle"]),
}
JOINTS_14 = tuple(i for i, name in enumerate(JOINTS) if name not in ("pelvis", "thorax"))
