// Which clip art is taken, and the words that its file names hold. The library's names are a title, then its
// author's name, cut at some length; its folders are often a better title than the name.

/** Folders taken, with the noun that fits all of a folder's pictures, or null where none does. */
export const clipartFolders = {
  'animals': null, 'animals/birds': 'bird', 'animals/birds/penguin': 'penguin', 'animals/bugs': 'bug',
  'animals/dinosaurs': 'dinosaur', 'animals/fish': null, 'animals/mammals': null, 'animals/mammals/bears': 'bear',
  'animals/mammals/big_cats': 'big cat', 'animals/mammals/dogs': 'dog', 'animals/mammals/horses': 'horse',
  'animals/mammals/housecats': 'cat', 'buildings': 'building', 'buildings/furniture': 'furniture',
  'buildings/homes': 'house', 'computer/hardware': null, 'containers': null, 'decorations': null,
  'education/books': 'book', 'electronics': null, 'electronics/battery': 'battery', 'electronics/bulb': 'light bulb',
  'food': 'food', 'food/beverages': 'drink', 'food/breads_and_carbs': 'food', 'food/dairy': 'food',
  'food/desserts': 'dessert', 'food/fruit': 'fruit', 'food/meats_and_eggs': 'food', 'food/vegetables': 'vegetable',
  'geography/astronomy': null, 'office': null, 'office/telephone': 'telephone', 'people/clothing': 'clothing',
  'people/clothing/hats': 'hat', 'people/smilies': 'smiley', 'plants': 'plant', 'plants/flowers': 'flower',
  'plants/trees': 'tree', 'plants/trees/evergreen': 'tree', 'recreation': null, 'recreation/holiday': null,
  'recreation/holiday/christmas': 'christmas', 'recreation/holiday/valentines': 'heart', 'recreation/music': 'music',
  'recreation/party': null, 'recreation/sports': 'sport', 'recreation/toys': 'toy', 'science': null,
  'science/astronomy': null, 'shapes/jigsaw': 'puzzle piece', 'signs_and_symbols/clocks': 'clock',
  'signs_and_symbols/weather': 'weather', 'tools': 'tool', 'transportation': 'vehicle',
  'transportation/vehicles': 'car',
};
/** Folders whose noun names what is drawn even where the file name says nothing. */
const nounIsEnough = new Set(['bird', 'penguin', 'dinosaur', 'bear', 'dog', 'horse', 'cat', 'house', 'book', 'battery',
  'light bulb', 'telephone', 'hat', 'smiley', 'flower', 'tree', 'heart', 'puzzle piece', 'clock', 'car']);

/** Drugs, death, insults, politics, trade marks, bodies, lettering, and pages that are no drawing of one thing. */
export const clipartRefused = new RegExp(
  ['dead', 'gallows', 'pimp', 'chav', 'cannabis', 'gun', 'ammo', 'stripper', 'babe', 'pantyhose', 'condom', 'smok',
    'menu_example', 'tux', 'pacman', 'packman', 'domo', 'vgcats', 'gameboy', 'rubik', 'sony', 'rca', 'sprint', 'atari',
    'pong', 'tetris', 'beckham', 'usa', 'us_', 'flag_wales', 'cymru', 'illuminati', 'sunwheel', 'whore', 'sex', 'nude',
    'naked', 'bomb', 'wmd', 'mecca', 'jesus', 'capitol', 'whitehouse', 'white_house', 'insecticide', 'crossbones',
    'portrait', 'gnome', 'debian', 'ubuntu', 'firefox', 'gimp', 'apple_mac', 'macintosh', 'ipod', 'coke', 'shadow',
    'weapon', 'lightning_jon', 'sport_', 'tsunami', 'sailing_(?!sunset)', 'knot', 'jacob', 'evolution', 'duck_yellow_ii',
    'jigsaw_\\w+_(0[4-9]|1)', 'email', 'straw_', 'nitrox', 'jazz', 'motorway', 'houses_jon', 'gumnut', 'c_rollandin', 'missile', 'tank', 'knife', 'blood', 'skull', 'emule', 'fanart', 'incazzato', 'noose', 'coffin',
    'maya_head', 'eris', 'kallisti', 'kexi', 'zinf', 'menu', 'logo', 'tatoo', 'beer', 'wine', 'martini', 'cocktail',
    'pill', 'syring', 'hummer', 'soldier', 'military', 'war_', 'army', '_ark\\.in', 'manager', 'humain', 'punaisa'].join('|'), 'i');

const authors = /(benji_?p\w*|lion_kim\w*|nicu_b\w*|gerald_g\.?|linda_k\w*|susan_park|archit\w*|arch?_?\d*$|jean.victor\w*|jarno_\w*|mo_\d+|mateya|ganson|peterm|patricia|leif_\w*|dan_gerh\w*|jonathan_d\w*|rory_\w*|peter\w*|mark_\w*|rose_\w*|mike_\w*|bw|fall_sc\w*)/gi;
const extraWords = new Set(`acorn anvil antenna armadillo baboon badminton baloon balloon barrel baseball beach beaver bison blocks boat bottle
  bouquet bowl box bread broom brush bucket building bulb bulldog bull bunny burger burrito butter butterfly cactus cake calculator
  camera candle candy cap car carton cartoon castle cat cello cherry chipmunk christmas church clock cloud cloudy clown coffee cog compass
  computer cone cookie corn crayon crow crown daffodil daisy desk dice dolphin dove dragon dragonfly drill drum drums duck eagle easter
  egg elephant envelope evergreen feather fedora fern fireworks fish flask flower flowers flute folder french fries frog fruit gift
  giraffe glove grapes grapefruit green guitar hammer hamster harp headphones heart helicopter helmet hen honey horn horse house houses icecube
  igloo jar jupiter kangaroo key keyboard kitten ladybug lamp laptop leaf lemon lemonade lighthouse lightning lime lizard lock magnolia
  maracas mars melon mermaid microphone milk mitten modem monitor monkey moon mosquito mouse muffin mug mushroom oboe onion orange
  orca orangutan owl paintbrush palm pan pancake paper peach pear pen pencil penguin phone piano pig pineapple pizza plane plate plum
  potato pretzel printer puffin pumpkin purple puppy radio rain rainbow rake red robot rocket rooster router rubber salad salami sandal
  sandcastle saturn saw saxophone scanner scissors scorpion screwdriver seagull seahorse seal sheep shell ship shoe shorts shovel
  snail snake snow snowflake snowman snowstorm sombrero soup spider squirrel star steak strawberry sun sunflower sunglasses surfboard
  table teacup teapot teddy telescope television tent tiger toadstool tomato tophat toucan tower train tree trombone troll truck trumpet
  tulip tulips turban turkey turtle umbrella violin virus wagon wall wasp watermelon whale wheel window wrench yellow zebra pink blue
  black white brown gray golden simple electric acoustic bass baby sleeping flying open closed big small old winter hiking tennis soccer
  beachball basketball football golf ball racket bat stick with and of on in half slice wedge whole bitten core juice drinking glass
  ice cream vanilla chocolate soft birthday fried eggs hot dog bacon sausage chicken onion rings potato chips hash browns garlic toast`.split(/\s+/));
const never = new Set(['the', 'a', 'an', 'mo', 'ii', 'symbol', 'icon', 'with', 'of', 'and', 'on', 'in', 'man', 'gray', 'park', 'king', 'hat_']);

/** The words in a clip art file's name that name things; undefined where there are none. */
export function clipartTitle(name, noun, lexicon) {
  const mono = /(^|_)bw(_|$)|contour|outline|_bn(_|$)/i.test(name);
  const title = name.toLowerCase().replace(authors, ' ').replace(/[-_.]+/g, ' ').replace(/\d+/g, ' ').trim().split(/\s+/);
  const words = [];
  for (const [i, w] of title.entries()) {
    if (extraWords.has(w) || (lexicon.has(w) && w.length > 3)) words.push(w);
    else if (words.length > 0 || i > 1) break;
  }
  while (words.length && never.has(words[0])) words.shift();
  while (words.length && never.has(words[words.length - 1])) words.pop();
  let label = words.slice(0, 4).join(' ').replace(/baloon/g, 'balloon');
  if (!label && noun && nounIsEnough.has(noun)) label = noun;
  if (!label) return undefined;
  return mono ? `black and white ${label}` : label;
}
