/* Made by make-list.mjs from emojibase-data (MIT): emoji | codes | other words | name in Chinese. */
export const EMOJI_LISTS = {
  faces: `
😀|grinning|cheerful cheery|嘿嘿
😃|smiley|awesome big|哈哈
😄|smile|grin grinning|大笑
😁|grin|beaming grinning|嘻嘻
😆|laughing satisfied|closed grinning|斜眼笑
😅|sweat_smile|cold dejected|苦笑
🤣|rofl|crying floor|笑得满地打滚
😂|joy|crying funny|笑哭了
🙂|slightly_smiling_face|happy smile|呵呵
🙃|upside_down_face|hehe smile|倒脸
😉|wink|flirt heartbreaker|眨眼
😊|blush|glad satisfied|羞涩微笑
😇|innocent|angel angelic|微笑天使
🥰|smiling_face_with_three_hearts|adore crush|喜笑颜开
😍|heart_eyes|bae hearts|花痴
🤩|star_struck|excited grinning|好崇拜哦
😘|kissing_heart|adorbs bae|飞吻
😋|yum|delicious eat|好吃
😜|stuck_out_tongue_winking_eye|crazy epic|单眼吐舌
🤪|zany_face|crazy goofy|滑稽
🤗|hugs|hands hugging|抱抱
🤫|shushing_face|quiet shh|安静的脸
🤔|thinking|chin consider|想一想
🤐|zipper_mouth_face|keep quiet|闭嘴
🤨|raised_eyebrow|disapproval disbelief|挑眉
😐|neutral_face|awkward blank|冷漠
😑|expressionless|awkward dead|无语
😶|no_mouth|awkward blank|沉默
😏|smirk|boss dapper|得意
😒|unamused|bored fine|不高兴
🙄|roll_eyes|eyeroll rolling|翻白眼
😬|grimacing|awk awkward|龇牙咧嘴
😌|relieved|calm peace|松了口气
😔|pensive|awful bored|沉思
😪|sleepy|crying good|困
😴|sleeping|bed bedtime|睡着了
😷|mask|cold dentist|感冒
🤒|face_with_thermometer|ill sick|发烧
🤕|face_with_head_bandage|hurt injury|受伤
🤢|nauseated_face|gross nasty|恶心
🤮|vomiting_face|barf ew|呕吐
🤧|sneezing_face|fever flu|打喷嚏
🥵|hot_face|dying feverish|脸发烧
🥶|cold_face|blue freezing|冷脸
😵|dizzy_face|dead knocked|晕头转向
🤯|exploding_head|blown explode|爆炸头
🥳|partying_face|bday birthday|聚会笑脸
😎|sunglasses|awesome beach|墨镜笑脸
🤓|nerd_face|brainy clever|书呆子脸
🧐|monocle_face|classy fancy|带单片眼镜的脸
😕|confused|befuddled confusing|困扰
😟|worried|anxious butterflies|担心
🙁|slightly_frowning_face|sad|微微不满
😮|open_mouth|believe forgot|吃惊
😳|flushed|amazed awkward|脸红
🥺|pleading_face|begging big|恳求的脸
😨|fearful|afraid anxious|害怕
😰|cold_sweat|anxious blue|冷汗
😥|disappointed_relieved|anxious call|失望但如释重负
😢|cry|awful crying|哭
😭|sob|bawling cry|放声大哭
😱|scream|epic fear|吓死了
😣|persevere|concentrate concentration|痛苦
😞|disappointed|awful blame|失望
😓|sweat|close cold|汗
😩|weary|crying fail|累死了
🥱|yawning_face|bedtime bored|打呵欠
😤|triumph|anger angry|傲慢
😡|pout rage|anger angry|怒火中烧
😠|angry|anger blame|生气
🤬|cursing_face|censor cussing|嘴上有符号的脸
😈|smiling_imp|demon devil|恶魔微笑
💀|skull|body dead|头骨
💩|hankey poop shit|bs comic|大便
🤡|clown_face||小丑脸
👻|ghost|boo creature|鬼
👽|alien|creature extraterrestrial|外星人
🤖|robot|monster|机器人
😺|smiley_cat|grinning open|大笑的猫
🙈|see_no_evil|embarrassed forbidden|非礼勿视
🙉|hear_no_evil|ears forbidden|非礼勿听
🙊|speak_no_evil|forbidden gesture|非礼勿言`,
  people: `
👋|wave|bye cya|挥手
🤚|raised_back_of_hand|backhand|立起的手背
✋|hand raised_hand|five high|举起手
👌|ok_hand|awesome bet|OK
🤏|pinching_hand|amount bit|捏合的手势
✌️|v|peace victory|胜利手势
🤞|crossed_fingers|luck|交叉的手指
🤟|love_you_gesture|fingers ily|爱你的手势
🤘|metal|finger horns|摇滚
🤙|call_me_hand|hang loose|给我打电话
👈|point_left|backhand finger|反手食指向左指
👉|point_right|backhand finger|反手食指向右指
👆|point_up_2|backhand finger|反手食指向上指
👇|point_down|backhand finger|反手食指向下指
☝️|point_up|finger index|食指向上指
👍|+1 thumbsup|good like|拇指向上
👎|-1 thumbsdown|bad dislike|拇指向下
✊|fist fist_raised|clenched punch|举起拳头
👊|facepunch fist_oncoming punch|absolutely agree|出拳
👏|clap|applause approval|鼓掌
🙌|raised_hands|celebration gesture|举双手
🤝|handshake|agreement deal|握手
🙏|pray|appreciate ask|双手合十
✍️|writing_hand|write|写字
💪|muscle|arm beast|肌肉
👀|eyes|body googly|双眼
👁️|eye|body one|眼睛
🧠|brain|intelligent smart|脑
🤷|shrug|doubt dunno|耸肩
🤦|facepalm|again bewilder|捂脸
🙋|raising_hand|gesture here|举手
🙅|no_good|forbidden gesture|禁止手势
🙆|ok_person|exercise gesture|OK手势
💁|information_desk_person tipping_hand_person|fetch flick|前台
💃|dancer woman_dancing|elegant festive|跳舞的女人
🧑‍💻|technologist|coder computer|程序员`,
  hearts: `
❤️|heart|emotion love|红心
🧡|orange_heart||橙心
💛|yellow_heart|cardiac emotion|黄心
💚|green_heart|emotion ily|绿心
💙|blue_heart|emotion ily|蓝心
💜|purple_heart|bestest emotion|紫心
🖤|black_heart|evil wicked|黑心
🤍|white_heart||白心
💔|broken_heart|break crushed|心碎
💕|two_hearts|anniversary date|两颗心
💞|revolving_hearts|adorbs anniversary|舞动的心
💓|heartbeat|beating cardio|心跳
💖|sparkling_heart|emotion excited|闪亮的心
💘|cupid|adorbs arrow|心中箭了
💝|gift_heart|anniversary emotion|系有缎带的心
💯|100|agree clearly|一百分
💢|anger|angry comic|怒
💥|boom collision|bomb collide|爆炸
💫|dizzy|comic shining|头晕
💦|sweat_drops|comic drip|汗滴
💤|zzz|comic good|睡着`,
  nature: `
🐶|dog|adorbs pet|狗脸
🐱|cat|kitten kitty|猫脸
🐭|mouse||老鼠头
🐰|rabbit|bunny pet|兔子头
🦊|fox_face||狐狸
🐻|bear|grizzly growl|熊
🐼|panda_face|bamboo|熊猫
🐯|tiger|big cat|老虎头
🦁|lion|alpha leo|狮子
🐸|frog||青蛙
🐵|monkey_face|banana|猴头
🐧|penguin|antarctica bird|企鹅
🦉|owl|bird ornithology|猫头鹰
🐝|bee honeybee|bumblebee insect|蜜蜂
🐛|bug|garden insect|毛毛虫
🦋|butterfly|insect pretty|蝴蝶
🐢|turtle|terrapin tortoise|龟
🐍|snake|bearer ophiuchus|蛇
🐙|octopus|creature ocean|章鱼
🐟|fish|dinner fishes|鱼
🐬|dolphin flipper|beach ocean|海豚
🦄|unicorn||独角兽
🌸|cherry_blossom|flower plant|樱花
🌹|rose|beauty elegant|玫瑰
🌻|sunflower|outdoors plant|向日葵
🌳|deciduous_tree|forest green|落叶树
🍀|four_leaf_clover|irish lucky|四叶草
🌍|earth_africa|europe globe|地球上的欧洲非洲
🌙|crescent_moon|ramadan space|弯月
⭐|star|astronomy medium|星星
✨|sparkles|magic star|闪亮
⚡|zap|danger electric|高压
🔥|fire|af burn|火焰
🌈|rainbow|gay genderqueer|彩虹
☀️|sunny|bright rays|太阳
🌧️|cloud_with_rain|weather|下雨
❄️|snowflake|cold weather|雪花
⛄|snowman|cold|雪人
🌊|ocean|nature surf|浪花`,
  food: `
🍎|apple|diet food|红苹果
🍌|banana|fruit potassium|香蕉
🍉|watermelon|fruit|西瓜
🍓|strawberry|fruit|草莓
🍒|cherries|berries cherry|樱桃
🥑|avocado|food fruit|鳄梨
🥕|carrot|food vegetable|胡萝卜
🍞|bread|carbs food|面包
🧀|cheese|wedge|芝士
🍔|hamburger|eat fast|汉堡
🍟|fries|fast food|薯条
🍕|pizza|cheese food|披萨
🌮|taco|mexican|墨西哥卷饼
🍜|ramen|bowl chopsticks|面条
🍣|sushi|food|寿司
🍚|rice|cooked food|米饭
🍦|icecream|dessert food|圆筒冰激凌
🍩|doughnut|breakfast dessert|甜甜圈
🎂|birthday|bday cake|生日蛋糕
🍰|cake|dessert pastry|水果蛋糕
🍫|chocolate_bar|candy dessert|巧克力
🍿|popcorn|movie|爆米花
☕|coffee|beverage cafe|热饮
🍵|tea|beverage cup|热茶
🍺|beer|alcohol ale|啤酒
🍻|beers|alcohol bar|干杯
🥂|clinking_glasses|celebrate drink|碰杯
🧋|bubble_tea|boba food|珍珠奶茶`,
  things: `
🎉|tada|awesome birthday|拉炮彩带
🎊|confetti_ball|celebrate celebration|五彩纸屑球
🎁|gift|birthday bow|礼物
🎈|balloon|birthday celebrate|气球
🏆|trophy|champion champs|奖杯
🎯|dart|bull direct|正中靶心的飞镖
🎮|video_game|controller entertainment|游戏手柄
🎲|game_die|dice entertainment|骰子
🎵|musical_note|sound|音符
🎨|art|artist artsy|调色盘
⚽|soccer|ball football|足球
🚗|car red_car|driving vehicle|汽车
🚕|taxi|cab cabbie|出租车
🚲|bike|class cycle|自行车
✈️|airplane|aeroplane fly|飞机
🚀|rocket|launch rockets|火箭
🚂|steam_locomotive|caboose engine|蒸汽火车
🏠|house|building country|房子
🏖️|beach_umbrella||沙滩伞
⛰️|mountain||山
⏰|alarm_clock|hours hrs|闹钟
📅|date||日历
📌|pushpin|collage|图钉
✂️|scissors|cut cutting|剪刀
📝|memo pencil|communication media|备忘录
📚|books|education fantasy|书
💻|computer|office pc|笔记本电脑
📱|iphone|cell communication|手机
💡|bulb|comic electric|灯泡
🔦|flashlight|electric tool|手电筒
🔧|wrench|home improvement|扳手
⚙️|gear|cog cogwheel|齿轮
🔒|lock|closed private|合上的锁
🔑|key|keys lock|钥匙
📦|package|box communication|包裹
📧|e-mail email|letter|电子邮件
📷|camera|photo selfie|相机
🎥|movie_camera|bollywood cinema|电影摄影机
🔔|bell|break church|铃铛
🔕|no_bell|forbidden mute|禁止响铃
🔍|mag|glass lab|左斜的放大镜
💰|moneybag|bank bet|钱袋
💎|gem|diamond engagement|宝石
💊|pill|doctor drugs|药丸
🚨|rotating_light|alarm alert|警车灯`,
  signs: `
✅|white_check_mark|checked checkmark|勾号按钮
✔️|heavy_check_mark|checked checkmark|勾号
❌|x|cancel cross|叉号
➕|heavy_plus_sign||加
➖|heavy_minus_sign|math|减
❓|question|mark punctuation|红色问号
❗|exclamation heavy_exclamation_mark|punctuation red|红色感叹号
⚠️|warning|caution|警告
🚫|no_entry_sign|forbidden not|禁止
🛑|stop_sign|octagonal|停止标志
♻️|recycle|recycling symbol|回收标志
🔴|red_circle|geometric|红色圆
🟡|yellow_circle||黄色圆
🟢|green_circle||绿色圆
🔵|large_blue_circle|geometric|蓝色圆
▶️|arrow_forward|play right|播放按钮
🔁|repeat|arrow clockwise|重复按钮
⬆️|arrow_up|cardinal direction|向上箭头
⬇️|arrow_down|cardinal direction|向下箭头
⬅️|arrow_left|cardinal direction|向左箭头
➡️|arrow_right|cardinal direction|向右箭头
🔗|link|links|链接
🆕|new||new按钮
🆒|cool||cool按钮
🔝|top|arrow homie|置顶
🏁|checkered_flag|chequered finish|黑白方格旗
🚩|triangular_flag_on_post|construction golf|三角旗`,
};
