/** The aura: three lights that drift through folded gradient noise. WebGL 1, no library. */
export const VERTEX = "attribute vec2 p;void main(){gl_Position=vec4(p,0.,1.);}";

export const FRAGMENT = `precision highp float;
uniform vec2 size;uniform float time;uniform float light;uniform vec2 pointer;
vec2 hash(vec2 p){p=vec2(dot(p,vec2(127.1,311.7)),dot(p,vec2(269.5,183.3)));return -1.+2.*fract(sin(p)*43758.5453);}
float noise(vec2 p){vec2 i=floor(p),f=fract(p),u=f*f*f*(f*(f*6.-15.)+10.);
return mix(mix(dot(hash(i),f),dot(hash(i+vec2(1,0)),f-vec2(1,0)),u.x),mix(dot(hash(i+vec2(0,1)),f-vec2(0,1)),dot(hash(i+vec2(1,1)),f-vec2(1,1)),u.x),u.y);}
float fbm(vec2 p){float v=0.,a=.5;mat2 m=mat2(.8,.6,-.6,.8);for(int i=0;i<4;i++){v+=a*noise(p);p=m*p*2.03+7.1;a*=.5;}return v;}
float glow(vec2 p,vec2 c,float r){vec2 d=p-c;return exp(-dot(d,d)/(r*r));}
void main(){
vec2 p=(gl_FragCoord.xy*2.-size)/size.y;float ratio=size.x/size.y;float t=time*.05;
vec2 w=vec2(fbm(p*.7+vec2(t,-t*.6)),fbm(p*.7+vec2(4.2-t*.7,t)));
vec2 q=p+w*1.25+pointer*.06;
float ribbon=fbm(q*vec2(.75,1.7)+w*1.6+t*.8)*.5+.5;
float fold=pow(smoothstep(.26,.8,ribbon),1.7);
vec2 c=vec2(ratio*.42,.12);
float a=glow(q,c+vec2(-.55,.35),.95),b=glow(q,c+vec2(.1,-.42),1.05),d=glow(q,c+vec2(.55,.3),.6);
vec3 violet=vec3(.47,.2,.94),blue=vec3(.14,.36,.95),amber=vec3(1.,.52,.12);
float warm=smoothstep(.15,.8,d);
vec3 col=(violet*a*1.1+blue*b*.95)*(1.-warm*.75)+amber*d*1.25;
col*=.1+fold*1.7;
col+=amber*pow(fold,4.)*d*.7;
float edge=smoothstep(-1.05,-.35,p.y)*smoothstep(-ratio*1.05,ratio*.15,p.x);
col*=mix(.18,1.,edge);
vec3 dark=vec3(.039,.039,.063),pale=vec3(.965,.965,.973);
vec3 onDark=dark+(1.-exp(-col*1.15));
float strength=clamp(max(col.r,max(col.g,col.b)),0.,1.);
vec3 hue=col/max(.001,max(col.r,max(col.g,col.b)));
vec3 onPale=mix(pale,mix(vec3(1.),hue,.78),smoothstep(.0,1.,strength)*.82);
vec3 o=mix(onDark,onPale,light);
o+=(fract(sin(dot(gl_FragCoord.xy,vec2(12.9898,78.233)))*43758.5453)-.5)/96.;
gl_FragColor=vec4(o,1.);}`;
