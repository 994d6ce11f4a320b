"""GLSL of the renderer of places: geometry, shadow maps, light from everywhere.

Light is gathered on the screen: `LIGHT_FRAGMENT` adds, for every second pixel, the sky in some forty directions and
every lamp, each with a shadow map of its own in one atlas, and darkens creases; the picture then looks its light up by
depth.
"""

MAX_TILES = 56
"""Shadow maps in the atlas: directions of the sky, and lamps."""

ATLAS_COLUMNS = 8
TILE = 512
SUN_MAP = 2048

VERTEX = """#version 330
uniform mat4 clip;
uniform float mirror;  // -1 for the image in a polished floor
in vec3 position; in vec3 normal; in vec2 uv; in float layer; in vec3 colour; in vec4 material;
out vec3 world; out vec3 facing; out vec3 tex; out vec3 paint; flat out vec4 props;
out float gl_ClipDistance[1];
invariant gl_Position;  // colours are drawn where exactly this depth was drawn before
void main() {
    gl_ClipDistance[0] = mirror < 0.0 ? position.z - 0.001 : 1.0;
    world = position; facing = normal; tex = vec3(uv, layer); paint = colour; props = material;
    gl_Position = clip * vec4(position.xy, position.z * mirror, 1.0);
}
"""

CUTOUT_FRAGMENT = """#version 330
uniform sampler2DArray textures;
in vec3 tex; flat in vec4 props;
void main() { if (int(props.w + 0.5) == 2 && texture(textures, tex).a < 0.5) discard; }
"""

OPAQUE_FRAGMENT = """#version 330
void main() {}
"""

_DATA_FRAGMENT = """
uniform sampler2DArray textures; uniform vec3 eye;
in vec3 world; in vec3 facing; in vec3 tex; flat in vec4 props;
out vec4 data;
void main() {
    int role = int(props.w + 0.5);
#ifdef CUTOUT
    if (texture(textures, tex).a < 0.5) discard;
#endif
    vec3 n = normalize(facing);
    if (role != 2 && dot(n, eye - world) < 0.0) n = -n;
    data = vec4(n, role + 1.0);
}
"""

OPAQUE_DATA = "#version 330\n" + _DATA_FRAGMENT
CUTOUT_DATA = "#version 330\n#define CUTOUT\n" + _DATA_FRAGMENT

SCREEN_VERTEX = """#version 330
in vec2 corner; out vec2 at;
void main() { at = corner * 0.5 + 0.5; gl_Position = vec4(corner, 0.0, 1.0); }
"""

LIGHT_FRAGMENT = f"""#version 330
uniform sampler2D data; uniform sampler2D depth; uniform sampler2D atlas; uniform sampler2D noise;
uniform mat4 unproject; uniform vec2 near_far; uniform vec3 ground; uniform float focal;  // in picture widths
uniform int tiles; uniform mat4 tile_clip[{MAX_TILES}]; uniform vec4 tile_from[{MAX_TILES}];  // w: 0 direction, 1 lamp
uniform vec4 tile_colour[{MAX_TILES}]; uniform vec3 tile_axis[{MAX_TILES}];
in vec2 at;
layout(location = 0) out vec4 light; layout(location = 1) out vec4 place;
vec3 position(vec2 uv, float stored) {{
    vec4 p = unproject * vec4(uv * 2.0 - 1.0, stored * 2.0 - 1.0, 1.0);
    return p.xyz / p.w;
}}
float metres(float stored) {{
    return near_far.x * near_far.y / (near_far.y - stored * (near_far.y - near_far.x));
}}
void main() {{
    float stored = texture(depth, at).r;
    float z = metres(stored);
    light = vec4(0.0); place = vec4(z, 0.0, 0.0, 0.0);
    if (stored >= 1.0) return;
    vec4 surface = texture(data, at);
    vec3 n = surface.xyz; vec3 p = position(at, stored);
    bool leaf = int(surface.w + 0.5) == 3;
    float turn = texelFetch(noise, ivec2(gl_FragCoord.xy) & 255, 0).b * 6.2832;
    vec3 jitter = (texelFetch(noise, ivec2(gl_FragCoord.yx) & 255, 0).rga - 0.5) * 0.06;
    vec3 from = p + n * (0.02 + 0.002 * z) + jitter * 0.5;
    vec3 sum = vec3(0.0);
    for (int i = 0; i < tiles; i++) {{
        vec4 source = tile_from[i];
        vec3 to = source.w > 0.5 ? source.xyz - p : source.xyz;
        float squared = dot(to, to);
        to *= inversesqrt(squared);
        float amount = dot(n, to);
        if (leaf) amount = 0.25 + 0.5 * max(amount, 0.0);
        if (source.w > 0.5) amount *= max(-dot(to, tile_axis[i]), 0.0) / max(squared, 0.3);
        if (amount < 1e-4) continue;
        vec4 q = tile_clip[i] * vec4(from, 1.0);
        vec3 c = q.xyz / q.w * 0.5 + 0.5;
        float seen = 1.0;
        if (q.w > 0.0 && all(greaterThan(c.xy, vec2(0.002))) && all(lessThan(c.xy, vec2(0.998))) && c.z < 1.0) {{
            vec2 tile = vec2(i % {ATLAS_COLUMNS}, i / {ATLAS_COLUMNS});
            float blocker = texelFetch(atlas, ivec2((tile + c.xy) * {TILE}.0), 0).r;
            float slack = source.w > 0.5 ? 0.0006 : 0.0012;
            seen = blocker + slack < c.z ? 0.0 : 1.0;
        }}
        sum += tile_colour[i].rgb * amount * seen;
    }}
    float shut = 0.0;  // creases: what rises above the tangent plane within arm's reach
    const float reach = 0.45;
    vec2 pixels = vec2(textureSize(depth, 0));
    float on_screen = reach / z * focal;
    for (int k = 0; k < 14; k++) {{
        float a = turn + float(k) * 2.399963; float r = sqrt((float(k) + 0.5) / 14.0);
        vec2 uv = at + vec2(cos(a), sin(a) * pixels.x / pixels.y) * r * on_screen;
        float d = texture(depth, uv).r;
        if (d >= 1.0) continue;
        vec3 v = position(uv, d) - p;
        float far = length(v);
        shut += max(dot(n, v) / (far + 1e-4) - 0.12, 0.0) * (1.0 - smoothstep(reach * 0.5, reach * 1.6, far));
    }}
    float crease = leaf ? 0.9 : clamp(1.0 - 2.1 * shut / 14.0, 0.0, 1.0);
    sum += ground * (0.5 - 0.5 * n.z);
    light = vec4(sum, crease);
}}
"""

SMOOTH_FRAGMENT = """#version 330
uniform sampler2D light_map; uniform sampler2D place_map; uniform sampler2D data;
in vec2 at;
layout(location = 0) out vec4 light;
void main() {  // takes out the grain of the random taps, within surfaces only
    ivec2 here = ivec2(gl_FragCoord.xy), last = textureSize(light_map, 0) - 1;
    float z = texelFetch(place_map, here, 0).r;
    vec3 n = texelFetch(data, here * 2, 0).xyz;
    light = vec4(0.0); float total = 0.0;
    for (int y = -2; y <= 2; y++) for (int x = -2; x <= 2; x++) {
        ivec2 q = clamp(here + ivec2(x, y), ivec2(0), last);
        float weight = 1e-4 + max(1.0 - abs(texelFetch(place_map, q, 0).r - z) / (0.03 * z), 0.0)
            * max(dot(texelFetch(data, q * 2, 0).xyz, n) * 4.0 - 3.0, 0.0);
        light += weight * texelFetch(light_map, q, 0); total += weight;
    }
    light /= total;
}
"""
