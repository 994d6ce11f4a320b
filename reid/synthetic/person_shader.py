"""GLSL of people: patterns of cloth, skin and hair on coordinates of the neutral body, lit as places are."""

from __future__ import annotations

from mdpr.reid.synthetic.materials import PATTERNS, ROW
from mdpr.reid.synthetic.opengl import TONE_MAP

VERTEX = """
#version 330
uniform mat4 clip;
uniform mat4 placed;
in vec3 position;
in vec3 normal;
in vec3 rest;
out vec3 N;
out vec3 R;
out vec3 W;
void main() {
    vec4 world = placed * vec4(position, 1.0);
    W = world.xyz;
    N = mat3(placed) * normal;
    R = rest;
    gl_Position = clip * world;
}
"""

SHADOW = """
#version 330
uniform mat4 clip;
uniform mat4 placed;
uniform vec3 sun;
in vec3 position;
void main() {
    vec4 world = placed * vec4(position, 1.0);
    world.xyz -= sun * (world.z / sun.z);
    gl_Position = clip * world;
}
"""

FLAT = """
#version 330
uniform float value;
out float colour;
void main() { colour = value; }
"""

_ROWS = ROW // 4
_NAMES = ("FIRST", "SECOND", "THIRD", "PLACE", "CUTS", "PLANE", "FINISH", "STRAP")


def fragment(pattern: str, mask: bool = False) -> str:
    """The fragment shader of one pattern: the picture, or one value where the picture has a fragment.

    One shader a pattern because a software renderer computes every branch.
    """
    defines = [f"#define {_define(name)} {number}" for number, name in enumerate(PATTERNS)]
    rows = [f"#define {name} M[{row}]" for row, name in enumerate(_NAMES)]
    head = "\n".join(["#version 330", *defines, f"#define KIND {_define(pattern)}", *rows, f"uniform vec4 M[{_ROWS}];"])
    return head + _CUT + (_MASK if mask else TONE_MAP + _PICTURE)


def _define(pattern: str) -> str:
    return pattern.upper().replace("-", "_")


# Shared by the picture and by the mask: which fragments exist at all.
_CUT = """
in vec3 N;
in vec3 R;
in vec3 W;
uniform vec3 eye;
float hash(vec3 p) { p = fract(p * 0.3183099 + 0.1); p *= 17.0; return fract(p.x * p.y * p.z * (p.x + p.y + p.z)); }
float noise(vec3 x) {
    vec3 i = floor(x), f = fract(x);
    f = f * f * (3.0 - 2.0 * f);
    return mix(mix(mix(hash(i), hash(i + vec3(1, 0, 0)), f.x),
            mix(hash(i + vec3(0, 1, 0)), hash(i + vec3(1, 1, 0)), f.x), f.y),
        mix(mix(hash(i + vec3(0, 0, 1)), hash(i + vec3(1, 0, 1)), f.x),
            mix(hash(i + vec3(0, 1, 1)), hash(i + vec3(1, 1, 1)), f.x), f.y), f.z);
}
bool on_arm() { return abs(R.x) > 1.75 + 0.35 * max(4.6 - R.y, 0.0) && R.y > 0.8; }
float along_arm() { return (abs(R.x) - 1.70) * 0.665 - (R.y - 5.02) * 0.747; }
bool is_cut(vec3 n, vec3 view) {
    if (R.y < CUTS.x || R.y > CUTS.y) return true;
    if (CUTS.z < 90.0 && on_arm() && along_arm() > CUTS.z) return true;
    if (CUTS.w > 0.0 && R.z > 0.25 && !on_arm()
        && abs(R.x) < CUTS.w * smoothstep(-4.0, 5.6, R.y) + 0.05 * CUTS.w) return true;
    if (dot(PLANE.xyz, R) < PLANE.w) return true;
#if KIND == HAIR
    float strand = noise(vec3(R.x * 9.0, R.y * 2.0, R.z * 9.0) + THIRD.w);
    if (abs(dot(n, view)) < FINISH.w * 0.55 * strand) return true;
#endif
    return false;
}
"""

_MASK = """
uniform float value;
out float colour;
void main() {
    if (is_cut(normalize(N), normalize(eye - W))) discard;
    colour = value;
}
"""

_PICTURE = """
uniform vec3 sun, sun_colour, sky, ground;
uniform vec3 crease_offset, crease_scale;
uniform float crease_depth, crease_shade;
uniform float marked;
layout(location = 0) out vec4 colour;
layout(location = 1) out vec4 mark;

#if KIND == SKIN
vec3 skin(vec3 base, vec3 hair, inout float rough) {
    vec3 c = base * (0.94 + 0.12 * noise(R * 5.0));
    float face = step(0.55, R.z);
    bool scalp = R.y > 7.85 - 0.02 * R.z || (R.z < 0.35 && R.y > 6.75 && !(abs(R.x) > 0.62 && R.z > -0.1));
    if (PLACE.z > 0.5 && scalp && R.y > 6.4) { rough = 0.0; return hair * (0.7 + 0.6 * noise(R * 14.0)); }
    if (face > 0.5 && R.y > 6.0) {
        float cheek = length(R.xy - vec2(0.42 * sign(R.x), 6.95)) - 0.12;
        c = mix(c, c * vec3(1.05, 0.86, 0.84), smoothstep(0.3, 0.0, cheek));
        if (abs(R.y - 7.52) < 0.055 && abs(abs(R.x) - 0.34) < 0.2) c = mix(c, hair * 0.8, 0.75);
        if (length((vec2(abs(R.x), R.y) - vec2(0.31, 7.28)) / vec2(0.15, 0.07)) < 1.0) c = mix(vec3(0.05), c, 0.25);
        if (length((R.xy - vec2(0.0, 6.60)) / vec2(0.27, 0.07)) < 1.0) c *= vec3(0.78, 0.5, 0.5);
        bool lips = abs(R.y - 6.6) < 0.05 && abs(R.x) < 0.22;
        if (PLACE.x > 0.0 && R.y < 6.86 && !lips) c = mix(c, hair, 0.85 * PLACE.x);
        if (PLACE.y > 1.5 && abs(R.y - 7.28) < 0.15 && abs(R.x) < 0.62) c = vec3(0.012);
        else if (PLACE.y > 0.5 && abs(length((vec2(abs(R.x), R.y) - vec2(0.31, 7.28)) / vec2(0.25, 0.18)) - 1.0) < 0.22)
            c = vec3(0.02);
        if (PLACE.w > 0.5 && R.y < 7.02 && R.y > 6.2) c = vec3(0.55, 0.68, 0.74);
    }
    return c;
}
#endif

vec3 pattern(out float rough) {
    vec3 c = FIRST.rgb, d = SECOND.rgb;
    float f = SECOND.w, s = THIRD.w;
    vec3 q = R + vec3(s * 3.1, s * 1.7, s);
    rough = 1.0;
    float around = on_arm() ? along_arm() : R.y;
#if KIND == STRIPES
    c = mix(c, d, step(0.5, fract(around * f * 1.1 + s)));
#elif KIND == PINSTRIPES
    c = mix(c, d, step(0.72, fract(R.x * (2.0 + f) + s)));
#elif KIND == PLAID
    float a = step(0.55, fract(around * f * 0.9 + s)), b = step(0.55, fract((R.x + 0.3 * R.z) * f * 0.9 + s));
    float line = step(0.9, fract(around * f * 0.9 + 0.2 + s)) + step(0.9, fract((R.x + 0.3 * R.z) * f * 0.9 + 0.2 + s));
    c = mix(mix(c, d, 0.5 * a + 0.5 * b), THIRD.rgb, 0.5 * min(line, 1.0));
#elif KIND == FLORAL
    float n = noise(q * (1.5 + f));
    c = mix(c, mix(d, THIRD.rgb, step(0.5, noise(q * 1.9 + 7.0))), smoothstep(0.58, 0.64, n));
#elif KIND == TWO_TONE
    c = (on_arm() ? PLACE.x < 3.0 : R.y > PLACE.x) ? d : c;
#elif KIND == SLEEVES
    c = on_arm() ? d : c;
#elif KIND == PRINT
    vec2 p = vec2(R.x - PLACE.y * 0.6, R.y - (R.z > 0.0 ? 3.55 : 3.9));
    bool big = PLACE.w > 3.0;
    vec2 size = vec2(PLACE.z * 1.1, PLACE.z * (big ? 0.9 : 0.35));
    bool shown = R.z > 0.3 || (PLACE.w > 6.0 && R.z < -0.1);
    if (shown && !on_arm() && abs(p.x) < size.x && abs(p.y) < size.y) {
        float n = big ? step(0.45, noise(vec3(p * 2.6, s)))
            : step(0.4, hash(floor(vec3(p.x * 7.0, 1.0, s)))) * step(abs(p.y), size.y * 0.8);
        c = mix(c, mix(d, THIRD.rgb, big ? step(0.5, noise(vec3(p * 3.3, s + 5.0))) : 0.0), n);
    }
#elif KIND == DENIM
    float worn = smoothstep(0.0, 1.2, R.z) * smoothstep(-4.6, -1.6, R.y) * smoothstep(0.4, -0.6, R.y);
    c = mix(c, d * 1.25, 0.35 * worn) * (0.86 + 0.28 * noise(q * 9.0)) * (0.9 + 0.2 * noise(q * 1.3));
    if (abs(abs(R.x) - 1.28) < 0.03 && R.y > -6.5) c *= 0.75;
#elif KIND == HEATHER
    c = mix(c, d, 0.28 * noise(q * 16.0)) * (0.93 + 0.14 * noise(q * 3.0));
#elif KIND == SIDE_STRIPE
    c = abs(R.z - 0.1) < 0.26 && abs(R.x) > 0.9 ? d : c;
#elif KIND == SKIN
    return skin(c, d, rough);
#elif KIND == HAIR
    float n = noise(vec3(q.x * 8.0 * f, q.y * 1.6, q.z * 8.0 * f));
    c *= 0.45 + 1.0 * n; rough = 0.8;
#elif KIND == LEATHER
    c *= 0.85 + 0.3 * noise(q * 2.5);
    rough = 0.5;
#elif KIND == QUILTED
    float w = abs(fract(around * f + s) - 0.5);
    c *= 0.76 + 0.28 * smoothstep(0.0, 0.16, w);
#elif KIND == KNIT
    c *= 0.82 + 0.25 * abs(sin(q.x * 14.0)) * (0.7 + 0.3 * noise(q * 8.0));
#elif KIND == HI_VIS
    if (!on_arm() && (abs(R.y - PLACE.x) < PLACE.z * 0.6 || abs(R.y - PLACE.y) < PLACE.z * 0.6)) c = vec3(0.55);
    if (!on_arm() && R.y > PLACE.x && abs(abs(R.x) - 0.95) < 0.18) c = vec3(0.55);
#elif KIND == DOTS
    c = mix(c, d, step(length(fract(vec2(around, R.x + R.z * 0.4) * (1.2 + f)) - 0.5), 0.22));
#elif KIND == CAMOUFLAGE
    c = mix(mix(c, d, step(0.52, noise(q * 1.1))), THIRD.rgb, step(0.6, noise(q * 1.3 + 9.0)));
#elif KIND == BAG
    if (abs(R.y + 0.25) < 0.05 || abs(abs(R.x) - 0.85) < 0.04) c *= 0.45;
    if (R.y > 0.9) c = mix(c, d, 0.7);
#endif
#if KIND != SKIN && KIND != HAIR
    vec4 band = vec4(STRAP.rgb, FINISH.z);
    if (band.w > 0.5 && R.y > 0.2 && !on_arm()) {
        bool on = band.w < 1.5 ? abs(abs(R.x) - 1.02) < 0.2 && R.y > 2.2 && R.z > -0.3 : false;
        if (band.w > 1.5) { float side = band.w < 2.5 ? 1.0 : -1.0; on = abs(R.x * side - (R.y - 3.0) * 0.46) < 0.15; }
        if (on) c = band.rgb;
    }
#endif
    return c;
}

void main() {
    vec3 n = normalize(N), view = normalize(eye - W);
    if (is_cut(n, view)) discard;
    if (dot(n, view) < 0.0) n = -n;
    float rough;
    vec3 c = pattern(rough);
    float s = THIRD.w;
    // creases: relief of a height, see Mikkelsen, Bump mapping unparametrized surfaces on the GPU, 2010
    vec3 q = (R + s) * crease_scale + crease_offset;
    float h = noise(q * vec3(1.3, 0.75, 1.3)) + 0.45 * noise(q * vec3(2.9, 1.8, 2.9) + 3.0);
#if KIND == QUILTED
    h += 1.3 * pow(abs(sin(3.14159 * ((on_arm() ? along_arm() : R.y) * SECOND.w + s))), 0.5);
#endif
    float inside = 0.0;  // of a fold: less of the sky gets there
#if KIND != SKIN && KIND != HAIR
    float ridge = 1.0 - abs(2.0 * noise(q * vec3(0.9, 0.5, 0.9) + 11.0) - 1.0);
    float wrinkle = 1.0 - abs(2.0 * noise(q * vec3(1.9, 1.2, 1.9) + 23.0) - 1.0);
    float fold = ridge * ridge + 0.6 * wrinkle * wrinkle;
    h += 1.6 * crease_shade * fold;
    inside = crease_shade * FINISH.x * (0.55 - fold);
#endif
    h *= 0.03 * FINISH.x * crease_depth;
    vec3 dx = dFdx(W), dy = dFdy(W);
    vec3 rx = cross(dy, n), ry = cross(n, dx);
    float det = dot(dx, rx);
    if (abs(det) > 1e-12) {
        vec3 grad = sign(det) * (dFdx(h) * rx + dFdy(h) * ry);
        vec3 slope = length(grad) > 0.0 ? normalize(grad) : vec3(0);
        n = normalize(abs(det) * n - clamp(length(grad), 0.0, 1.2 * abs(det)) * slope);
    }
    float direct = max(dot(n, sun), 0.0);
    vec3 ambient = mix(ground, sky, n.z * 0.5 + 0.5);
    float hollow = mix(0.62, 1.0, smoothstep(0.0, 0.75, dot(n, view)));
    float low = mix(0.55, 1.0, smoothstep(0.0, 0.9, W.z));  // less of the sky reaches legs and feet
#if KIND == SKIN
    if (R.y > 5.7 && R.y < 6.35) hollow *= 0.6;
#elif KIND != HAIR
    if (!on_arm() && abs(R.x) < 0.6 && R.y < -0.6) hollow *= 0.8;
#endif
    vec3 halfway = normalize(sun + view);
    float glint = FINISH.y * pow(max(dot(n, halfway), 0.0), mix(12.0, 40.0, FINISH.y)) * rough;
    hollow *= clamp(1.0 - 0.55 * inside, 0.35, 1.5);
    vec3 lit = c * (ambient * hollow * low + sun_colour * direct) + glint * (sun_colour + 0.25 * sky);
    colour = vec4(tone_map(lit), 1.0);
    mark = vec4(marked, marked, marked, 1.0);
}
"""
