"""GLSL of the renderer of places: shadow maps, light from everywhere, materials, sky.

Light is gathered on the screen: `LIGHT_FRAGMENT` adds, for every second pixel, the sky in some forty directions and
every lamp, each with a shadow map of its own in one atlas, and darkens creases; the picture then looks its light up by
depth.
"""

from mdpr.reid.synthetic.opengl import TONE_MAP

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

SKY = """
uniform vec3 sky_light; uniform vec3 sun_light; uniform vec3 sun_from; uniform float cloud; uniform float indoor;
vec3 sky_colour(vec3 ray) {
    float up = max(ray.z, 0.0);
    vec3 clear = sky_light * mix(vec3(1.9), vec3(1.0), smoothstep(0.0, 0.5, up));
    float glow = max(dot(ray, sun_from), 0.0);
    clear += sun_light * (0.25 * pow(glow, 8.0) + 0.5 * pow(glow, 60.0));
    vec2 p = ray.xy / (up + 0.25);
    float c = texture(noise, p * 0.11).r * 0.6 + texture(noise, p * 0.31 + 0.3).g * 0.3;
    c += texture(noise, p * 0.9).r * 0.1;
    vec3 white = sky_light * (1.25 + 0.9 * (c - 0.5)) + sun_light * 0.55;
    return mix(clear, white, smoothstep(1.0 - cloud - 0.15, 1.0 - cloud + 0.25, c));
}
"""

SKY_FRAGMENT = (
    """#version 330
uniform mat4 unproject; uniform vec3 eye; uniform sampler2D noise;
in vec2 at;
layout(location = 0) out vec4 lit; layout(location = 1) out vec4 unlit;
"""
    + TONE_MAP
    + SKY
    + """
void main() {
    vec4 p = unproject * vec4(at * 2.0 - 1.0, 0.5, 1.0);
    lit = vec4(tone_map(sky_colour(normalize(p.xyz / p.w - eye))), 1.0);
    unlit = vec4(lit.rgb, 0.0);
}
"""
)

_COLOUR_FRAGMENT = (
    f"""
uniform sampler2DArray textures; uniform sampler2D noise; uniform sampler2D light_map; uniform sampler2D place_map;
uniform sampler2D sun_map; uniform sampler2D floor_image;
uniform mat4 sun_clip; uniform vec3 ground; uniform vec3 eye; uniform vec2 pixels;
uniform float sun_size; uniform float mirror; uniform float haze; uniform float glow;
uniform vec3 room_light;
in vec3 world; in vec3 facing; in vec3 tex; in vec3 paint; flat in vec4 props;
layout(location = 0) out vec4 lit; layout(location = 1) out vec4 unlit;
const float SUN_TEXELS = {SUN_MAP}.0;
"""
    + TONE_MAP
    + SKY
    + """
const vec2 DISC[12] = vec2[](vec2(-0.326,-0.406), vec2(-0.840,-0.074), vec2(-0.696,0.457), vec2(-0.203,0.621),
    vec2(0.962,-0.195), vec2(0.473,-0.480), vec2(0.519,0.767), vec2(0.185,-0.893), vec2(0.507,0.064), vec2(0.896,0.412),
    vec2(-0.322,-0.933), vec2(-0.792,-0.598));
float sunlit(vec3 n) {  // share of the sun that is not hidden; the edge grows with the distance of what hides it
    vec3 c = (sun_clip * vec4(world + n * 0.03, 1.0)).xyz * 0.5 + 0.5;
    if (any(lessThan(c, vec3(0.0))) || any(greaterThan(c, vec3(1.0)))) return 1.0;
    float a = texelFetch(noise, ivec2(gl_FragCoord.xy) & 255, 0).b * 6.2832;
    mat2 turn = mat2(cos(a), sin(a), -sin(a), cos(a));
    float bias = 0.0007, hidden = 0.0, gap = 0.0;
    for (int k = 0; k < 6; k++) {
        float b = texture(sun_map, c.xy + turn * DISC[k * 2] * sun_size * 0.06).r;
        if (b + bias < c.z) { hidden += 1.0; gap += c.z - b; }
    }
    float width = hidden > 0.0 ? gap / hidden * sun_size : 0.0;
    width = clamp(width, 1.3 / SUN_TEXELS, 0.02);
    float open = 0.0;
    for (int k = 0; k < 12; k++) open += step(c.z, texture(sun_map, c.xy + turn * DISC[k] * width).r + bias);
    return open / 12.0;
}
vec4 gathered() {  // light of the nearest half-resolution pixels at the same depth
    float z = 1.0 / gl_FragCoord.w;
    vec2 at = gl_FragCoord.xy / pixels * vec2(textureSize(light_map, 0)) - 0.5;
    ivec2 first = ivec2(floor(at)); vec2 part = at - vec2(first);
    ivec2 last = textureSize(light_map, 0) - 1;
    vec4 sum = vec4(0.0); float total = 0.0;
    for (int k = 0; k < 4; k++) {
        ivec2 step = ivec2(k & 1, k >> 1); ivec2 q = clamp(first + step, ivec2(0), last);
        vec2 w = mix(1.0 - part, part, vec2(step));
        float weight = (w.x * w.y + 0.02) / (1e-3 + abs(texelFetch(place_map, q, 0).r - z) / z);
        sum += weight * texelFetch(light_map, q, 0); total += weight;
    }
    return sum / total;
}
vec3 mirrored(vec3 r) {
    if (indoor > 0.5) {
        float lamp = smoothstep(0.55, 0.8, texture(noise, r.xy * 0.4 + world.xy * 0.02).g) * step(0.2, r.z);
        return room_light * (0.28 + 0.35 * max(r.z, 0.0)) + lamp * 0.8;
    }
    float roofs = 0.06 + 0.35 * texture(noise, vec2(atan(r.y, r.x) * 0.35, 0.3)).r;
    vec3 wall = (sky_light + ground) * 0.22;
    return mix(r.z < 0.0 ? ground * 0.5 : wall, sky_colour(r), smoothstep(roofs, roofs + 0.02, r.z));
}
void main() {
    int role = int(props.w + 0.5);
    vec4 texel = texture(textures, tex, -0.6);  // the picture is drawn finer than it ends up
    vec3 n = normalize(facing), view = eye - vec3(world.xy, world.z * mirror);
    float distance = length(view); view /= distance; view.z *= mirror;
    if (role != 2 && dot(n, view) < 0.0) n = -n;
    vec3 albedo = 2.0 * pow(texel.rgb, vec3(2.2)) * paint;
    vec2 across = abs(n.z) > 0.5 ? world.xy : vec2(world.x + world.y, world.z);
    float blotch = texture(noise, across * 0.07).r * 0.55 + texture(noise, across * 0.31 + 0.37).g * 0.45 - 0.5;
    float wear = props.z;
    albedo *= 1.0 + wear * 0.55 * blotch;
    if (role != 1 && world.z > -0.01 && world.z < 0.5 && abs(n.z) < 0.5)
        albedo *= 1.0 - wear * 0.4 * (1.0 - world.z / 0.5) * (0.6 + blotch) * vec3(0.8, 0.95, 1.1);
    vec4 around; float direct = max(dot(n, sun_from), 0.0);
#ifdef MIRROR
    around = vec4(mix(ground, sky_light, n.z * 0.5 + 0.5) + room_light * 0.5 * indoor, 1.0);
#else
    around = gathered();
    if (sun_size > 0.0) direct *= sunlit(n);
#endif
    if (role == 2) direct = direct * 0.7 + 0.15 * float(direct > 0.0);
    float sun_on = sun_size > 0.0 ? 1.0 : 0.0;
    vec3 hue = albedo / max(max(albedo.r, max(albedo.g, albedo.b)), 1e-3);
    vec3 without = albedo * around.rgb * around.a * mix(vec3(1.0), hue, 0.25 * (1.0 - around.a));
    vec3 with_sun = without + albedo * sun_light * direct * sun_on * mix(1.0, around.a, 0.35);
    float gloss = props.x * (role == 1 ? texel.a : mix(1.0, texel.a, 0.7));
    if (gloss > 0.005) {
        float fresnel = gloss * (0.08 + 0.92 * pow(1.0 - max(dot(n, view), 0.0), 4.0));
        vec3 image;
#ifndef MIRROR
        if (role == 1) {
            vec2 at = gl_FragCoord.xy / pixels + 0.004 * (blotch + vec2(texel.r, texel.g) - 0.5);
            image = pow(textureLod(floor_image, at, 1.6).rgb, vec3(2.2)) * 1.1 * mix(0.5, 1.0, around.a);
        } else
#endif
        {
            vec3 r = reflect(-view, n);
            image = mirrored(normalize(r + 0.03 * (vec3(texel.rgb) - 0.5))) * mix(0.4, 1.0, around.a);
            if (role == 3) fresnel = max(fresnel, 0.1 * gloss);
            float glint = 1.5 * pow(max(dot(r, sun_from), 0.0), 90.0);
            with_sun += sun_light * sun_on * step(0.0, direct) * direct * gloss * glint;
        }
        without = without * (1.0 - fresnel) + image * fresnel; with_sun = with_sun * (1.0 - fresnel) + image * fresnel;
    }
    float shine = props.y < 0.0 ? -props.y * glow : props.y;  // below 0: shines in the dark only
    without += albedo * shine; with_sun += albedo * shine;
    float fog = 1.0 - exp(-haze * max(distance - 10.0, 0.0));
    vec3 horizon = sky_light * 1.3 + sun_light * 0.15;
    lit = vec4(tone_map(mix(with_sun, horizon, fog)), 1.0);
    float share = direct > 0.0 ? direct / max(dot(n, sun_from), 1e-3) * sun_on : 0.0;
    unlit = vec4(tone_map(mix(without, horizon, fog)), share);
}
"""
)

COLOUR_FRAGMENT = "#version 330\n" + _COLOUR_FRAGMENT
MIRROR_FRAGMENT = "#version 330\n#define MIRROR\n" + _COLOUR_FRAGMENT
"""For the image in a polished floor: plain light, no shadows."""
