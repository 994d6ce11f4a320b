"""GLSL of the renderer of places: materials, sun, mirror images, sky."""

from mdpr.reid.synthetic.opengl import TONE_MAP
from mdpr.reid.synthetic.place_shaders import SUN_MAP

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
